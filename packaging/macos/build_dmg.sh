#!/bin/sh
# Application bundle and disk image, after pyinstaller packaging/realtalk.spec. Runs on macOS only.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
bundle="$root/dist/RealTalk Cam.app"
rm -rf "$bundle"
mkdir -p "$bundle/Contents/MacOS" "$bundle/Contents/Resources"
cp -R "$root/dist/realtalk/" "$bundle/Contents/MacOS/"
iconset=$(mktemp -d)/app.iconset
mkdir -p "$iconset"
for size in 16 32 128 256 512; do
    sips -s format png -z $size $size "$root/packaging/icon.png" --out "$iconset/icon_${size}x$size.png" >/dev/null
done
iconutil -c icns "$iconset" -o "$bundle/Contents/Resources/app.icns"
cat >"$bundle/Contents/Info.plist" <<'PLIST'
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>CFBundleName</key><string>RealTalk Cam</string>
<key>CFBundleIdentifier</key><string>org.realtalk.cam</string>
<key>CFBundleVersion</key><string>0.1.0</string>
<key>CFBundleShortVersionString</key><string>0.1.0</string>
<key>CFBundleExecutable</key><string>realtalk</string>
<key>CFBundleIconFile</key><string>app.icns</string>
<key>CFBundlePackageType</key><string>APPL</string>
<key>LSMinimumSystemVersion</key><string>12.0</string>
<key>NSHighResolutionCapable</key><true/>
<key>NSMicrophoneUsageDescription</key>
<string>Your voice moves the avatar's face. It never leaves this computer.</string>
</dict></plist>
PLIST
hdiutil create -ov -volname "RealTalk Cam" -srcfolder "$bundle" -format UDZO "$root/dist/RealTalkCam.dmg"
