#!/bin/sh
# make run: a few models in a store, a node in simulation on https://127.0.0.1:8000, and lines to paste. Runs until Ctrl-C.
# Environment: LISTEN (127.0.0.1:8000), RUN_DIR (build/run), VERONNX_BIN (build/bin).
set -eu
cd "$(dirname "$0")/.."
dir=$(realpath -m "${RUN_DIR:-build/run}")
listen=${LISTEN:-127.0.0.1:8000}
bin=$(cd "${VERONNX_BIN:-build/bin}" && pwd)
mkdir -p "$dir"

. tools/demo.sh
demo_models

ready=$dir/ready-$$.json
"$bin/veronnx" serve --simulate --listen "$listen" --store "$dir/store" --state "$dir/state" --ready-file "$ready" &
node=$!
demo_traps $node
trap 'rm -f "$ready"' EXIT

while [ ! -e "$ready" ]; do
  kill -0 $node 2>/dev/null || {
    echo "The node did not start. LISTEN=HOST:PORT chooses another address, RUN_DIR=FOLDER another folder." >&2
    demo_end $node
  }
  sleep 0.05
done

url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$ready")
cert=$(quoted "$dir/state/cert.pem")
head=$(quoted "$dir/head.txt")
trust="--allow-simulated --root $(quoted "$dir/state/sim-root.pem") --policy $(quoted "$dir/state/policy.conf")"
cat <<END

$(demo_list)

Ask, and keep the receipt:
  curl --cacert $cert -D $head -d $(quoted "@$dir/double.json") $url/infer
which answers
  {"output":[{"name":"y","shape":[3],"result":[0.20000000298023224,-5.0,6.0],"type":"number"}],"model_hash":"$(sha256sum < "$made" | cut -d' ' -f1)"}

Verify the receipt, believing that the key is the node's:
  $veronnx verify receipt --headers $head --key $(quoted "$dir/state/receipt-key.pem") --allow-simulated --model $cid \\
    --input 'x=[0.1,-2.5,3]' --output 'y=[0.2,-5,6]'

$(demo_commands)

Ctrl-C ends the node.
END
demo_end $node
