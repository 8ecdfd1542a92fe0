# demo.sh, sourced by run.sh and enclave.sh: a few models in a store, and lines to paste. Takes $bin, the executables, and $dir, where all
# is kept; demo_commands takes $url and $trust, options of `veronnx verify`, too. Sets $cid of the model double, and $veronnx and $bundle as a shell reads them.
# shellcheck shell=sh disable=SC2154 # whoever sources it has them

demo_models() {
  made=$dir/models/double.onnx
  if [ ! -e "$made" ] || [ -n "$(find tools/models.py tools/onnx_writer.py -newer "$made")" ]; then
    echo "making the demonstration models in $dir/models"
    python3 tools/models.py "$dir/models" --set demo
  fi

  # CID SIZE NAME, a line each
  "$bin/veronnx" add --store "$dir/store" "$dir"/models/*.onnx > "$dir/models.txt"
  while read -r cid _ name; do
    base=$(basename "$name" .onnx)
    sed "s/@CID@/$cid/" "$dir/models/$base.request.json" > "$dir/$base.json"
  done < "$dir/models.txt"
  cid=$(sed -n 's/^\([^ ]*\) .*double\.onnx$/\1/p' "$dir/models.txt")
  veronnx=$(quoted "$bin/veronnx")
  bundle=$(quoted "$dir/double.bundle")
}

# As a shell reads it.
quoted() {
  case $1 in
    *[!A-Za-z0-9_./:@-]*) printf "'%s'" "$1" ;;
    *) printf %s "$1" ;;
  esac
}

demo_list() {
  echo "Models in the store (a request for each stands in $dir/*.json):"
  while read -r c _ name; do printf '  %s  %s\n' "$c" "$(cat "${name%.onnx}.about")"; done < "$dir/models.txt"
}

demo_commands() {
  cat << COMMANDS
Verify the node: its attestation, keys, configuration and policy, and that this connection ends in it:
  $veronnx verify node $url $trust

Ask, verify the node and everything that the receipt says, and keep the proof:
  $veronnx infer --node $url --model $cid --input 'x=[0.1,-2.5,3]' --verify --save-bundle $bundle $trust

Verify that proof again, without the node:
  $veronnx verify receipt $bundle --model $cid --input 'x=[0.1,-2.5,3]' --output 'y=[0.2,-5,6]' $trust
COMMANDS
}

# A terminal sends SIGINT to the process PID too.
demo_traps() { # PID
  trap : INT
  # shellcheck disable=SC2064 # this PID
  trap "kill -TERM $1 2> /dev/null || :" TERM HUP
}

# Ends as it does. A signal ends `wait` before it has ended.
demo_end() { # PID
  status=0
  wait "$1" || status=$?
  while kill -0 "$1" 2> /dev/null; do
    status=0
    wait "$1" || status=$?
  done
  exit $status
}
