#!/bin/sh
# Install RealTalk Cam for the current user, from a checkout; --remove takes it away again.
set -eu

data=${XDG_DATA_HOME:-$HOME/.local/share}
home=$data/realtalk-cam/program
bin=$HOME/.local/bin
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
entry=$data/applications/realtalk-cam.desktop
icon=$data/icons/hicolor/scalable/apps/realtalk-cam.svg

if [ "${1:-}" = "--remove" ]; then
    rm -rf "$home"
    rm -f "$bin/realtalk" "$entry" "$icon"
    echo "RealTalk Cam was removed. Your avatars, presets and settings were kept."
    exit 0
fi

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed; set PYTHON to one." >&2
    exit 2
}
"$python" -m venv --clear "$home"
"$home/bin/pip" install --quiet --disable-pip-version-check "$checkout[app,live]"
mkdir -p "$bin" "$(dirname "$entry")" "$(dirname "$icon")"
ln -sf "$home/bin/realtalk" "$bin/realtalk"
sed "s|^Exec=realtalk|Exec=$bin/realtalk|; s|^TryExec=realtalk|TryExec=$bin/realtalk|" \
    "$here/realtalk-cam.desktop" >"$entry"
cp "$checkout/ui/icons/app.svg" "$icon"
command -v update-desktop-database >/dev/null && update-desktop-database -q "$(dirname "$entry")" || true
echo "RealTalk Cam is in your menu. On the command line: $bin/realtalk"
