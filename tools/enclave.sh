#!/bin/sh
# make enclave: a few models in a store, a node with simulated attestation in QEMU's emulated Nitro machine, `veronnx host` beside it on
# https://127.0.0.1:8000, and lines to paste. Runs until Ctrl-C. What is missing is made first: the image (build/image) and QEMU.
# Environment: LISTEN (127.0.0.1:8000), ENCLAVE_DIR (build/enclave), VERONNX_BIN (build/bin), VERONNX_QEMU, IMAGE.
set -eu
cd "$(dirname "$0")/.."
dir=$(realpath -m "${ENCLAVE_DIR:-build/enclave}")
listen=${LISTEN:-127.0.0.1:8000}
image=${IMAGE:-build/image/veronnx-sim.eif}
bin=$(cd "${VERONNX_BIN:-build/bin}" && pwd)
mkdir -p "$dir"
[ -e "$image" ] || image/build.sh > /dev/null
VERONNX_QEMU=${VERONNX_QEMU:-$(tools/peers.sh qemu)}
export VERONNX_QEMU

. tools/demo.sh
demo_models
printf '[node]\n[policy]\nmodels = any\nisolation = shared\n' > "$dir/node.conf"
sed -n '/policy/,$p' "$dir/node.conf" > "$dir/policy.conf"

run=$(mktemp -d "${TMPDIR:-/tmp}/veronnx-XXXXXX") # sockets are in it, whose paths must be short
trap 'rm -rf "$run"' EXIT
"$bin/veronnx" host run "$image" --qemu --foreground --run-dir "$run" --listen "$listen" --config "$dir/node.conf" --store "$dir/store" \
  > "$dir/host.txt" &
host=$!
demo_traps $host

while ! grep -q '^log ' "$dir/host.txt"; do
  kill -0 $host 2> /dev/null || {
    echo "The enclave did not start. LISTEN=HOST:PORT chooses another address." >&2
    demo_end $host
  }
  sleep 0.2
done

said() { sed -n "s/^$1 *\([^ ]*\).*/\1/p" "$dir/host.txt"; }
url=$(said url)
trust="--allow-simulated --root $(quoted "$(said root)") --pcrs $(quoted "$(said pcrs)") --policy $(quoted "$dir/policy.conf")"
cat << END

$(cat "$dir/host.txt")

$(demo_list)

Ask (its certificate is checked with its attestation, below):
  curl -k -d $(quoted "@$dir/double.json") $url/infer

$(demo_commands)

What runs, as JSON:
  $veronnx host describe --run-dir $run

Ctrl-C ends the enclave.
END
demo_end $host
