#!/usr/bin/env bash
# Installs, with apt, what pip cannot bring and this machine lacks; says what to type where it isn't allowed to.
#   scripts/system.sh edge    libraries that OpenCV and MediaPipe load
#   scripts/system.sh test    those, and the programs the tests run for real
set -euo pipefail

need=()
PATH="$PATH:/usr/sbin:/sbin"
libraries=$(ldconfig -p)
library() { [[ $libraries == *"$1"* ]] || need+=("$2"); }
rtsp_server() {
  /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null ||
    need+=(python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad)
}
program() { command -v "$1" >/dev/null || need+=("$2"); }

library libGL.so.1 libgl1
library libEGL.so.1 libegl1
library libGLESv2.so.2 libgles2
library libgthread-2.0.so.0 libglib2.0-0
if [ "${1:-edge}" = test ]; then
  program mosquitto mosquitto
  program mosquitto_sub mosquitto-clients
  program ffmpeg ffmpeg
  program openssl openssl
  rtsp_server
fi
[ ${#need[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=()
elif sudo -n true 2>/dev/null; then
  as_root=(sudo)
else
  echo "This machine lacks: ${need[*]}. Please run: sudo apt-get install ${need[*]}" >&2
  exit 2
fi
command -v apt-get >/dev/null || { echo "This machine lacks: ${need[*]} (no apt-get here: install them your way)" >&2; exit 2; }
echo "installing ${need[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
