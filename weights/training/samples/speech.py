"""Speaks the sample sentence with flite's rms voice (free to use), which no network learned from.

python -m weights.training.samples.speech -o app/samples/hello.wav
"""

import argparse
import subprocess
from pathlib import Path

SENTENCE = (
    "Hello! I am a picture, and this is my voice. "
    "Give me your own portrait and a microphone, and I will be your face in every video call. "
    "Nothing ever leaves your computer."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    output = parser.parse_args().output
    command = ["flite", "-voice", "rms", "--setf", "duration_stretch=1.05"]
    subprocess.run([*command, "-t", SENTENCE, "-o", str(output)], check=True)


if __name__ == "__main__":
    main()
