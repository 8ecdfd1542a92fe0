#!/bin/sh
# make run: a few models in a store, a node in simulation on https://127.0.0.1:8000, and lines to paste. Runs until Ctrl-C.
# Environment: LISTEN (127.0.0.1:8000), RUN_DIR (build/run).
set -eu
cd "$(dirname "$0")/.."
dir=$(realpath -m "${RUN_DIR:-build/run}")
listen=${LISTEN:-127.0.0.1:8000}
veronnx=$PWD/build/bin/veronnx
mkdir -p "$dir"

if [ tools/models.py -nt "$dir/models/double.onnx" ]; then
  echo "making the demonstration models in $dir/models"
  python3 tools/models.py "$dir/models" --set demo
fi

# CID SIZE NAME, a line each
"$veronnx" add --store "$dir/store" "$dir"/models/*.onnx > "$dir/models.txt"
while read -r cid _ name; do
  base=$(basename "$name" .onnx)
  sed "s/@CID@/$cid/" "$dir/models/$base.request.json" > "$dir/$base.json"
done < "$dir/models.txt"

rm -f "$dir/ready.json"
"$veronnx" serve --simulate --listen "$listen" --store "$dir/store" --state "$dir/state" --ready-file "$dir/ready.json" &
node=$!
trap 'kill -TERM $node 2>/dev/null || :' INT TERM HUP

while [ ! -e "$dir/ready.json" ]; do
  kill -0 $node 2>/dev/null || { wait $node || exit $?; exit 1; }
  sleep 0.05
done

url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$dir/ready.json")
cid=$(sed -n 's/^\([^ ]*\) .*double\.onnx$/\1/p' "$dir/models.txt")
cat <<END

Models in the store (a request for each stands in $dir/*.json):
$(while read -r c _ name; do printf '  %s  %s\n' "$c" "$(cat "${name%.onnx}.about")"; done < "$dir/models.txt")

Ask, and keep the receipt:
  curl --cacert $dir/state/cert.pem -D $dir/head.txt -d @$dir/double.json $url/infer
which answers
  {"output":[{"name":"y","shape":[3],"result":[0.20000000298023224,-5.0,6.0],"type":"number"}],"model_hash":"$(sha256sum < "$dir/models/double.onnx" | cut -d' ' -f1)"}

Verify the receipt:
  $veronnx verify receipt --headers $dir/head.txt --key $dir/state/receipt-key.pem --allow-simulated --model $cid \\
    --input 'x=[0.1,-2.5,3]' --output 'y=[0.2,-5,6]'

The same by the command line, verifying as it goes:
  $veronnx infer --node $url --cacert $dir/state/cert.pem --model $cid --input 'x=[0.1,-2.5,3]'

Ctrl-C ends the node.
END
status=0
wait $node || status=$?
kill -0 $node 2>/dev/null && { status=0; wait $node || status=$?; } # the first wait ended with the signal
exit $status
