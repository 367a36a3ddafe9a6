; Inno Setup recipe: iscc packaging\windows\installer.iss, after pyinstaller packaging\realtalk.spec
[Setup]
AppId=RealTalkCam
AppName=RealTalk Cam
AppVersion=0.1.0
DefaultDirName={autopf}\RealTalk Cam
DefaultGroupName=RealTalk Cam
OutputBaseFilename=RealTalkCam-setup
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
Compression=lzma2
SolidCompression=yes
LicenseFile=..\..\LICENSE
UninstallDisplayIcon={app}\realtalk.exe

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"

[Files]
Source: "..\..\dist\realtalk\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\RealTalk Cam"; Filename: "{app}\realtalk.exe"
Name: "{group}\Freeze the face and mute"; Filename: "{app}\realtalk.exe"; Parameters: "tell panic"; HotKey: ctrl+alt+f8
Name: "{autodesktop}\RealTalk Cam"; Filename: "{app}\realtalk.exe"; Tasks: desktop

[Tasks]
Name: "desktop"; Description: "{cm:CreateDesktopIcon}"

[Run]
Filename: "{app}\realtalk.exe"; Description: "{cm:LaunchProgram,RealTalk Cam}"; Flags: nowait postinstall skipifsilent
