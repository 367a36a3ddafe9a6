"""Speech engines that tell when each sound begins: espeak-ng, flite and festival.

Each function returns utterances: 16 kHz sound and its mouth classes with times. The engines are
Debian packages; a missing one yields nothing.
"""

import ctypes
import os
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from weights.training.voice import phones, texts

SAMPLE_RATE_HZ = 16_000
SHORTEST_SAMPLES = 9_600
FEWEST_SEGMENTS = 5


@dataclass(frozen=True)
class Segment:
    """One mouth class (a letter of `phones.CLASSES`) from `start_s` to `end_s`."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Utterance:
    """Sound, int16 (N,) at 16 kHz, with its segments and who said it ("engine:voice")."""

    samples: NDArray[np.int16]
    segments: list[Segment]
    voice: str
    language: str

    @property
    def is_human(self) -> bool:
        """Whether the voice was made from a person's recordings, not from formants."""
        return not self.voice.startswith("espeak:")


def segments_of(starts: list[tuple[float, str]], duration_s: float) -> list[Segment]:
    """Segments from (start time, classes) events; two classes share their event's time."""
    out: list[Segment] = []
    ends = [start for start, _ in starts[1:]] + [duration_s]
    for (start, labels), end in zip(starts, ends, strict=True):
        start, end = max(0.0, start), min(end, duration_s)
        step = (end - start) / max(len(labels), 1)
        if step <= 0:
            continue
        for i, label in enumerate(labels):
            out.append(Segment(label, start + i * step, start + (i + 1) * step))
    if out and out[0].start_s > 0.02:
        out.insert(0, Segment(phones.REST, 0.0, out[0].start_s))
    return out


def _utterance(
    samples: NDArray[np.int16],
    rate_hz: int,
    starts: list[tuple[float, str]],
    voice: str,
    language: str,
) -> Utterance | None:
    if len(starts) < FEWEST_SEGMENTS:
        return None
    if rate_hz != SAMPLE_RATE_HZ:
        common = np.gcd(rate_hz, SAMPLE_RATE_HZ)
        wide = resample_poly(
            samples.astype(np.float32), SAMPLE_RATE_HZ // common, rate_hz // common
        )
        samples = np.clip(wide, -32767, 32767).astype(np.int16)
    if len(samples) < SHORTEST_SAMPLES:
        return None
    duration_s = len(samples) / SAMPLE_RATE_HZ
    return Utterance(samples, segments_of(starts, duration_s), voice, language)


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """The espeak-ng library, called directly so that it reports phoneme events.

    Some of its languages abort the process: use it in a forked child.
    """

    _SYNCHRONOUS, _PHONEME_EVENTS_IPA = 2, 3
    _RATE, _PITCH, _RANGE = 1, 3, 4
    _PHONEME = 7
    _UTF8 = 1

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate_hz = int(
            self._library.espeak_Initialize(self._SYNCHRONOUS, 0, None, self._PHONEME_EVENTS_IPA)
        )
        self._sound: list[NDArray[np.int16]] = []
        self._events: list[tuple[float, str]] = []
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, sound, count, events) -> int:
        if sound and count > 0:
            self._sound.append(np.ctypeslib.as_array(sound, (count,)).copy())
        i = 0
        while events[i].type != 0:
            if events[i].type == self._PHONEME:
                raw = bytes(events[i].id.string).split(b"\0")[0]
                symbol = raw.decode("utf-8", "ignore")
                self._events.append((events[i].audio_position_ms / 1000, phones.from_ipa(symbol)))
            i += 1
        return 0

    def say(
        self, text: str, voice: str, language: str, rate: int, pitch: int, pitch_range: int
    ) -> Utterance | None:
        """Speak with a voice such as "en-us+f2"; None when it is unknown or said too little."""
        self._sound.clear()
        self._events.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        settings = ((self._RATE, rate), (self._PITCH, pitch), (self._RANGE, pitch_range))
        for parameter, value in settings:
            self._library.espeak_SetParameter(parameter, value, 0)
        raw = text.encode() + b"\0"
        self._library.espeak_Synth(
            ctypes.c_char_p(raw), ctypes.c_size_t(len(raw)), 0, 1, 0, self._UTF8, None, None
        )
        self._library.espeak_Synchronize()
        if not self._sound:
            return None
        sound = np.concatenate(self._sound)
        return _utterance(sound, self.rate_hz, list(self._events), f"espeak:{voice}", language)


ESPEAK_VARIANTS = """
m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Alex Andy Annie Alicia Andrea adam belinda benjamin boris
caleb david Denis Diogo ed edward Gene grandma grandpa gustave Henrique Hugo iven john Jacky klatt
klatt2 klatt3 klatt4 Lee linda marcelo Marco Mario max Michael michel miguel Mike Nguyen norbert
pablo paul pedro quincy rob robert sandro shelby steph travis victor zac aunty anika
""".split()  # noqa: SIM905
ESPEAK_VOICES = {
    "en": ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc", "en-029"),
    "fr": ("fr-fr", "fr-be", "fr-ch"),
    "es": ("es", "es-419"),
    "pt": ("pt", "pt-br"),
}
"""Accents of a language; a language not named here has one of its own code."""


def espeak_available() -> bool:
    """Whether the espeak-ng library can be loaded."""
    try:
        ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        return False
    return True


def espeak(language: str, seconds: float, seed: int) -> Iterator[Utterance]:
    """About `seconds` of a language, by many variants of the formant voice; call it in a fork."""
    rng = random.Random(f"espeak {language} {seed}")
    engine = Espeak()
    spoken = 0.0
    while spoken < seconds:
        accent = rng.choice(ESPEAK_VOICES.get(language, (language,)))
        voice = f"{accent}+{rng.choice(ESPEAK_VARIANTS)}"
        text = texts.sentence(language, rng)
        settings = rng.randint(115, 225), rng.randint(20, 80), rng.randint(30, 90)
        said = engine.say(text, voice, language, *settings)
        spoken += len(said.samples) / SAMPLE_RATE_HZ if said else 0.5
        if said:
            yield said


def forked(utterances: Iterator[Utterance], spool: Path) -> list[Utterance]:
    """Run a generator in a child process, keeping what it yielded even when it aborts."""
    import pickle

    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            with spool.open("wb") as stream:
                for utterance in utterances:
                    pickle.dump(utterance, stream)
                    stream.flush()
            status = 0
        finally:
            os._exit(status)
    os.waitpid(child, 0)
    out = []
    with spool.open("rb") as stream:
        while True:
            try:
                out.append(pickle.load(stream))
            except (EOFError, pickle.UnpicklingError):
                break
    spool.unlink()
    return out


FLITE_VOICES = ("slt", "awb", "rms", "kal16")


def flite(voice: str, seconds: float, seed: int) -> Iterator[Utterance]:
    """English by one voice of flite, at varied speed and pitch."""
    if shutil.which("flite") is None:
        return
    rng = random.Random(f"flite {voice} {seed}")
    spoken = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "said.wav"
        while spoken < seconds:
            text = texts.sentence("en", rng)
            command = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(file)]
            command += ["--setf", f"duration_stretch={rng.uniform(0.8, 1.3):.2f}"]
            command += ["--setf", f"int_f0_target_stddev={rng.uniform(8, 40):.0f}"]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            spoken += 0.5
            if result.returncode != 0:
                continue
            starts, time = [], 0.0
            for token in result.stdout.split():
                symbol, end = token.rsplit(":", 1)
                starts.append((time, phones.from_arpabet(symbol)))
                time = float(end)
            sound, rate_hz = soundfile.read(file, dtype="int16")
            said = _utterance(sound, rate_hz, starts, f"flite:{voice}", "en")
            if said:
                spoken += len(said.samples) / SAMPLE_RATE_HZ - 0.5
                yield said


FESTIVAL_VOICES = {
    "kal_diphone": ("en", "ascii"),
    "ked_diphone": ("en", "ascii"),
    "cmu_us_slt_arctic_hts": ("en", "ascii"),
    "czech_dita": ("cs", "iso8859-2"),
    "czech_krb": ("cs", "iso8859-2"),
    "czech_machac": ("cs", "iso8859-2"),
    "czech_ph": ("cs", "iso8859-2"),
    "lp_diphone": ("it", "latin1"),
    "pc_diphone": ("it", "latin1"),
    "hy_fi_mv_diphone": ("fi", "latin1"),
    "suo_fi_lj_diphone": ("fi", "latin1"),
    "hindi_NSK_diphone": ("hi", "utf8"),
    "marathi_NSK_diphone": ("mr", "utf8"),
    "telugu_NSK_diphone": ("te", "utf8"),
    "msu_ru_nsh_clunits": ("ru", "utf8"),
    "upc_ca_ona_hts": ("ca", "iso8859-15"),
}
"""Voice: its language and the encoding its front end expects."""

_FESTIVAL_SAY = """
(voice_{voice})
(define (say text number)
  (unwind-protect
    (begin
      (set! u (utt.synth (eval (list 'Utterance 'Text text))))
      (utt.wave.resample u 16000)
      (utt.save.wave u (string-append "{folder}/" number ".wav") 'riff)
      (format t "@@ %s" number)
      (mapcar (lambda (s) (format t " %s:%.4f" (item.name s) (item.feat s "end")))
              (utt.relation.items u 'Segment))
      (format t "\\n"))
    (format t "@@failed\\n")))
"""


def festival(voice: str, sentences: int, seed: int) -> Iterator[Utterance]:
    """Sentences by one festival voice, at varied speed; the voice's language decides the text."""
    if shutil.which("festival") is None:
        return
    language, encoding = FESTIVAL_VOICES[voice]
    rng = random.Random(f"festival {voice} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "say.scm"
        lines = [_FESTIVAL_SAY.format(voice=voice, folder=folder).encode()]
        for i in range(sentences):
            text = re.sub(r'["\\()]', "", texts.sentence(language, rng))
            lines.append(b"(Parameter.set 'Duration_Stretch %.2f)" % rng.uniform(0.8, 1.3))
            lines.append(b'(say "%s" "%d")' % (text.encode(encoding, "ignore"), i))
        script.write_bytes(b"\n".join(lines))
        result = subprocess.run(
            ["festival", "-b", str(script)],
            capture_output=True,
            check=False,
            cwd="/usr/share/festival",
        )
        for line in result.stdout.decode("latin1").splitlines():
            fields = line.split()
            if len(fields) < 3 or fields[0] != "@@":
                continue
            starts, time = [], 0.0
            for token in fields[2:]:
                symbol, end = token.rsplit(":", 1)
                starts.append((time, phones.from_festival(symbol, language)))
                time = float(end)
            file = Path(folder) / f"{fields[1]}.wav"
            if not file.is_file():
                continue
            sound, rate_hz = soundfile.read(file, dtype="int16")
            file.unlink()
            said = _utterance(sound, rate_hz, starts, f"festival:{voice}", language)
            if said:
                yield said
