#!/bin/sh
# kubo-setup.sh [SWARM-KEY [PEER...]]: makes the repository $IPFS_PATH of a Kubo (0.43 or newer) that stands beside a node
# and serves blocks to veronnx-fetch on this machine alone. With SWARM-KEY, the file with the network's key, it is a member
# of that private swarm and knows its PEERs (/ip4/.../tcp/4001/p2p/...); it then asks nothing of the public network.
#   SWARM, API, GATEWAY   other addresses than the ones below
set -eu
umask 077
: "${IPFS_PATH:?}" "${SWARM:=/ip4/0.0.0.0/tcp/4001}" "${API:=/ip4/127.0.0.1/tcp/5001}" "${GATEWAY:=/ip4/127.0.0.1/tcp/8080}"
export IPFS_PATH IPFS_TELEMETRY=off

set_text() { ipfs config "$1" "$2"; }
set_json() { ipfs config --json "$1" "$2"; }

ipfs init --empty-repo > /dev/null
set_json Addresses.Swarm "[\"$SWARM\"]"
set_text Addresses.API "$API"
set_text Addresses.Gateway "$GATEWAY"
set_json Plugins.Plugins.telemetry '{"Config": {"Mode": "off"}}'
set_json AutoTLS.Enabled false
set_json Discovery.MDNS.Enabled false
# Blocks and CARs only: what is put together outside the node's verifier is of no use to it.
set_json Gateway.DeserializedResponses false
set_json Gateway.NoDNSLink true
set_json Gateway.ExposeRoutingAPI false
# It is there to hand blocks on, not to be found.
set_json Provide.Enabled false

[ $# -gt 0 ] || exit 0
install -m 600 "$1" "$IPFS_PATH/swarm.key"
shift
set_json AutoConf.Enabled false
set_json Routing '{"Type": "dht"}'
set_json DNS.Resolvers '{}'
set_json Ipns.DelegatedPublishers '[]'
set_json HTTPRetrieval.Enabled false
set_json Swarm.DisableNatPortMap true
set_json Swarm.RelayClient.Enabled false
set_json Swarm.Transports.Network '{"QUIC": false, "WebTransport": false, "WebRTCDirect": false, "Relay": false, "Websocket": false}'
# Every member is asked for a block at once, also those that have not yet given any.
set_json Internal.Bitswap.BroadcastControl.Enable false
ipfs bootstrap rm --all > /dev/null
[ $# = 0 ] || ipfs bootstrap add "$@" > /dev/null
# Kubo connects to these again whenever it has lost them.
set_json Peering.Peers "[$(for peer in "$@"; do
    printf '%s{"ID": "%s", "Addrs": ["%s"]}' "${comma:-}" "${peer##*/p2p/}" "${peer%/p2p/*}"
    comma=', '
done)]"
