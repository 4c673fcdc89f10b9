"""An image whose harness is a shell script: it behaves as its scenario's arguments say, in the harness's own words."""

STUB_HARNESS = r"""#!/bin/bash
behaviour=finish run= data=
while [ $# -gt 0 ]; do
  case "$1" in
    --behaviour) behaviour=$2;; --run-id) run=$2;; --data) data=$2;;
  esac
  shift
done
trap 'echo "told to end" >&2; rm -rf "/results/.partial-$run"; exit 12' TERM
printf '{"event":"phase","phase":"warm-up"}\n'
mkdir "/results/.partial-$run" || { echo "cannot write /results" >&2; exit 7; }
case "$behaviour" in
  fail) echo "the backend says no" >&2; exit 6;;
  wait) for i in $(seq 600); do
      printf '{"event":"progress","samples":%d,"expected":600,"elapsed_s":%d.0,"minimum_s":0}\n' "$i" "$i"; sleep 0.1 & wait $!
    done;;
  eat) head -c 400000000 /dev/zero | tail > /dev/null; exit 3;;
esac
of_me() { while read -r name value; do [ "$name" = "$1:" ] && echo "$value"; done < /proc/self/status; }
capabilities=$(of_me CapEff)
privileges=$(of_me NoNewPrivs)
root=read-only; { : > /written; } 2>/dev/null && root=writable
network=$(ls /sys/class/net | tr '\n' ' ')
sees=$(ls /data 2>/dev/null | tr '\n' ' ')
cat > "/results/.partial-$run/manifest.json" <<EOF
{"schema": "mlperf-bake/manifest/1", "run_id": "$run", "image_digest": "$MLPERF_BAKE_IMAGE_DIGEST", "uid": "$(id -u)",
 "capabilities": "$capabilities", "no_new_privileges": "$privileges", "root": "$root",
 "network": "${network% }", "data": "$data", "sees": "${sees% }", "result": {"validity": "VALID"}}
EOF
touch "/results/.partial-$run/mlperf_log_summary.txt"
[ "$behaviour" = incomplete ] || touch "/results/.partial-$run/mlperf_log_detail.txt"
[ "$behaviour" = nothing ] || mv "/results/.partial-$run" "/results/$run"
printf '{"event":"done","run":"%s","status":"finished","validity":"VALID"}\n' "$run"
[ "$behaviour" = invalid ] && exit 9
exit 0
"""

STUB_DOCKERFILE = f"""FROM base
COPY --chmod=755 <<'EOS' /opt/mlperf-bake/bin/mlperf-harness
{STUB_HARNESS}EOS
RUN install -d -o 65532 -g 65532 /results
USER 65532:65532
ENTRYPOINT ["/opt/mlperf-bake/bin/mlperf-harness"]
"""
