"""A configuration says what it means, and each mistake in it is named where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from streamaqa.config import CameraSettings, Config, describe, dump, load
from streamaqa.config.yaml_lines import read
from streamaqa.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gym.yaml"


def complaints(file: Path, text: str, **environ: str) -> list[str]:
    """What `load` complains about, the folder of the file left out."""
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    return str(caught.value).replace(f"{file.parent}/", "").split("\n")


# --- what is read --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "edge_configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_configuration_loads(path: Path) -> None:
    config = load(path, {})
    assert config.cameras
    assert describe(config)


def test_there_are_shipped_configurations() -> None:
    assert list((ROOT / "edge_configs").glob("*.yaml"))


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n", "mqtt:\ncameras:\n", "{}"])
def test_an_empty_file_is_the_default(file: Path, text: str) -> None:
    file.write_text(text)
    assert load(file, {}) == load(None, {}) == Config()


def test_the_environment_lies_over_the_file(file: Path) -> None:
    file.write_text("mqtt: {host: gym-broker, keepalive_s: 20}\ncameras: [{name: rack, source: 0}]\n")
    config = load(
        file,
        {
            "STREAMAQA_MQTT__HOST": "elsewhere",
            "STREAMAQA_MQTT__USERNAME": "edge",
            "STREAMAQA_MQTT__PASSWORD": "0123",
            "STREAMAQA_CAMERAS__0__HEIGHT_M": "1.8",
            "STREAMAQA_CAMERAS__1__NAME": "bench",
            "STREAMAQA_CAMERAS__1__SOURCE": "set.mp4",
            "STREAMAQA_SEGMENTER__SET_PAUSE_S": "30",
            "STREAMAQA_PLAN__UNIT": "phase",
            "STREAMAQA_FEEDBACK__CUES": '{"squat.shallow": ["Deeper"]}',
            "STREAMAQA_SITE": "",
            "STREAMAQA_SHARED": "/not/ours",
            "MQTT__HOST": "not ours",
        },
    )
    assert (config.mqtt.host, config.mqtt.keepalive_s, config.mqtt.secret()) == ("elsewhere", 20, "0123")
    assert [camera.name for camera in config.cameras] == ["rack", "bench"]
    assert [camera.source for camera in config.cameras] == ["0", "set.mp4"]
    assert config.cameras[0].height_m == 1.8
    assert config.segmenter.set_pause_s == 30
    assert config.plan is not None
    assert config.plan.unit == "phase"
    assert config.feedback.cues == {"squat.shallow": ("Deeper",)}
    assert config.site == Config().site


def test_cameras_can_come_whole_from_the_environment() -> None:
    config = load(
        None, {"STREAMAQA_CAMERAS": '[{"name": "rack", "source": "rtsp://cam/1", "password": "hush"}]'}
    )
    assert config.cameras[0].address() == "rtsp://:hush@cam/1"


def test_the_broker_is_embedded_unless_a_host_is_given() -> None:
    assert load(None, {}).mqtt.embedded
    assert not load(None, {"STREAMAQA_MQTT__HOST": "broker"}).mqtt.embedded
    assert load(None, {"STREAMAQA_MQTT__EMBEDDED": "yes", "STREAMAQA_MQTT__HOST": "::1"}).mqtt.embedded


# --- what is wrong is named ----------------------------------------------------------------------------


def test_every_mistake_is_listed_with_its_line(file: Path) -> None:
    text = """\
site: gym
mqtt:
  prot: 1883
  port: 70000
  keepalive_s: often
cameras:
  - name: rack
    sorce: 0
  - {name: rack/2, source: 1, exercise: curl}
hots: broker
limits: 4
segmenter:
  phase:
    beta: yes
"""
    assert complaints(file, text) == [
        "gym.yaml:3: mqtt.prot: unknown key; did you mean 'port'?",
        "gym.yaml:4: mqtt.port: should be less than or equal to 65535, not 70000",
        "gym.yaml:5: mqtt.keepalive_s: should be a valid integer, unable to parse string as an integer, "
        "not 'often'",
        "gym.yaml:7: cameras[0].source: is missing",
        "gym.yaml:8: cameras[0].sorce: unknown key; did you mean 'source'?",
        "gym.yaml:9: cameras[1].exercise: should be one of squat, overhead_press, barbell_row, not 'curl'",
        "gym.yaml:9: cameras[1].name: 'rack/2': '/' cannot stand in an MQTT topic; choose another name",
        "gym.yaml:10: hots: unknown key; did you mean 'mqtt.host'?",
        "gym.yaml:11: limits: should hold keys of its own: frames, assessments",
        "gym.yaml:14: segmenter.phase.beta: should not be yes or no",
    ]


def test_a_mistake_in_the_environment_is_named_by_its_variable(file: Path) -> None:
    environ = {
        "STREAMAQA_MQTT__PROT": "1883",
        "STREAMAQA_MQTT__PORT": "many",
        "STREAMAQA_FOO__BAR": "x",
        "STREAMAQA_CAMERAS__3__NAME": "far",
        "STREAMAQA_SITE__NAME": "x",
        "STREAMAQA_BUFFER": "[unclosed",
    }
    assert complaints(file, "site: gym", **environ) == [
        "STREAMAQA_BUFFER: not YAML: expected ',' or ']', but got '<stream end>'",
        "STREAMAQA_CAMERAS__3__NAME: there is nothing to put this into",
        "STREAMAQA_FOO__BAR: foo: unknown key; there are " + ", ".join(Config.model_fields),
        "STREAMAQA_MQTT__PORT: should be a valid integer, unable to parse string as an integer, not 'many'",
        "STREAMAQA_MQTT__PROT: unknown key; did you mean 'port'?",
        "STREAMAQA_SITE__NAME: there is nothing to put this into",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("site: a\nmqtt:\n\tport: 1\n", "gym.yaml:3: a tab; YAML is indented with spaces"),
        ("site: a\nsite: b\n", "gym.yaml:2: site is given twice, first on line 1"),
        ("mqtt:\n  port: 1\n  host: a\n  port: 2\n", "gym.yaml:4: mqtt.port is given twice, first on line 2"),
        ("site: [a\n", "gym.yaml:2: not YAML: expected ',' or ']', but got '<stream end>'"),
        (
            "site: a\n  mqtt: b\n",
            "gym.yaml:2: not YAML: a colon too many, or a key indented unlike its neighbours",
        ),
        ("just words\n", "gym.yaml:1: the file must hold `key: value` lines"),
        ("site: a\n---\nsite: b\n", "gym.yaml:2: not YAML: but found another document"),
        (
            "pose: &p {}\nbuffer: *p\n",
            "gym.yaml:2: anchors and aliases (& and *) are not supported here: write it out",
        ),
        ("site: !!python/name:os.system\n", "gym.yaml:1: the tag tag:yaml.org,2002:python/name:os.system"),
        ("site: \x01\n", "gym.yaml:1: the character '\\x01' is not allowed in YAML"),
        ("[a, b]: 1\n", "gym.yaml:1: a key must be a plain word"),
        ("site: 2026-02-31\n", "gym.yaml:1: cannot read '2026-02-31': day"),
        ("site: 12\n", "gym.yaml:1: site: should be text: write '12' in quotes"),
        ("site: null\n", "gym.yaml:1: site: should be a valid string, not None"),
        ("mqtt: {password_file: a}\n", "gym.yaml:1: mqtt: a password needs a username"),
        (
            "mqtt: {host: far, embedded: true}\n",
            "gym.yaml:1: mqtt: an embedded broker serves this machine only",
        ),
        (
            "cameras:\n- {name: a, source: 0}\n- {name: a, source: 1}\n",
            "gym.yaml:1: cameras: two cameras are named 'a'",
        ),
        ("cameras: [{name: a, source: 'rtsp://[::1'}]", "gym.yaml:1: cameras[0].source: Invalid IPv6 URL"),
        ("cameras: [{name: .., source: 0}]", "gym.yaml:1: cameras[0].name: a camera's name also names files"),
    ],
)
def test_a_mistake_of_any_kind_is_one_line(file: Path, text: str, complaint: str) -> None:
    listed = complaints(file, text)
    assert listed[0].startswith(complaint)
    assert len(listed) == 1


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load(tmp_path / "none.yaml", {})
    (tmp_path / "latin.yaml").write_bytes(b"site: M\xfcnchen\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml: cannot be read: not UTF-8 text"):
        load(tmp_path / "latin.yaml", {})


# --- secrets -------------------------------------------------------------------------------------------


def test_secrets_in_the_file_are_refused_and_told_where_to_go(file: Path) -> None:
    text = """\
mqtt:
  username: edge
  password: hunter2
cameras:
  - {name: a, source: 0}
  - name: b
    source: rtsp://cam/1
    password: hunter2
  - name: c
    source: rtsp://user:hunter2@cam/1
  - name: d
    source: http://cam/stream?token=hunter2
"""
    listed = complaints(file, text)
    assert [line.split(": ")[:2] for line in listed] == [
        ["gym.yaml:3", "mqtt.password"],
        ["gym.yaml:8", "cameras[1].password"],
        ["gym.yaml:10", "cameras[2].source"],
        ["gym.yaml:12", "cameras[3].source"],
    ]
    assert "STREAMAQA_MQTT__PASSWORD, or in a file named by mqtt.password_file" in listed[0]
    assert "STREAMAQA_CAMERAS__1__PASSWORD, or in a file named by cameras[1].password_file" in listed[1]
    assert "hunter2" not in "\n".join(listed)


def test_no_secret_is_ever_shown() -> None:
    environ = {
        "STREAMAQA_MQTT__USERNAME": "edge",
        "STREAMAQA_MQTT__PASSWORD": "hunter2",
        "STREAMAQA_CAMERAS__0__NAME": "rack",
        "STREAMAQA_CAMERAS__0__SOURCE": "rtsp://cam/1",
        "STREAMAQA_CAMERAS__0__PASSWORD": "hunter2",
    }
    config = load(None, environ)
    assert "hunter2" not in f"{config!r} {config} {dump(config)} {describe(config)}"
    with pytest.raises(ConfigError) as caught:
        load(
            None,
            {
                **environ,
                "STREAMAQA_MQTT__PASSWORD_FILE": "/run/x",
                "STREAMAQA_CAMERAS__0__SOURCE": "a://b:hunter2@c",
            },
        )
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("rtsp://cam:554/1?x=y", "rtsp://sam:p%40ss@cam:554/1?x=y"),
        ("http://cam/?user={username}&pwd={password}", "http://cam/?user=sam&pwd=p%40ss"),
        ("set.mp4", "set.mp4"),
        ("0", "0"),
    ],
)
def test_credentials_are_put_into_the_address_only_to_open_it(
    tmp_path: Path, source: str, address: str
) -> None:
    given_here = CameraSettings(name="a", source=source, username="sam", password=SecretStr("p@ss"))
    assert given_here.address() == address
    (tmp_path / "secret").write_text("p@ss\n")
    in_a_file = CameraSettings(name="a", source=source, username="sam", password_file=tmp_path / "secret")
    assert in_a_file.address() == address


def test_an_unreadable_password_file_names_the_camera(tmp_path: Path) -> None:
    camera = CameraSettings(name="rack", source="rtsp://cam", password_file=tmp_path / "none")
    with pytest.raises(UsageError, match="none of camera rack: No such file"):
        camera.address()


# --- properties ----------------------------------------------------------------------------------------


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/+#$."),
    min_size=1,
    max_size=20,
)

cameras = st.lists(
    st.builds(
        CameraSettings,
        name=words,
        source=st.sampled_from(["0", "set.mp4", "rtsp://cam:554/1", "synthetic:squat"])
        | st.integers(0, 9).map(str),
        username=st.none() | words,
        password_file=st.none() | words.map(Path),
        athlete=st.none() | words,
        exercise=st.sampled_from([None, "squat", "overhead_press", "barbell_row"]),
        height_m=st.none() | numbers(1.0, 2.5),
    ),
    max_size=3,
    unique_by=lambda camera: camera.name,
)

configs = st.builds(
    lambda **given: Config.model_validate(given),
    site=words,
    cameras=cameras.map(lambda cameras: [camera.model_dump() for camera in cameras]),
    plan=st.none()
    | st.fixed_dictionaries({"fps": st.none() | numbers(0.1, 120), "frames": st.integers(1, 32)}),
    buffer=st.fixed_dictionaries({"seconds": numbers(0.1, 1e6), "max_bytes": st.integers(1, 2**40)}),
    mqtt=st.fixed_dictionaries(
        {}, optional={"host": words, "port": st.integers(1, 65535), "username": words}
    ),
    outbox=st.fixed_dictionaries({"folder": words, "durable": st.booleans()}),
    feedback=st.fixed_dictionaries({"threshold": numbers(0.01, 1.0)}),
)


@given(configs)
@settings(max_examples=60, deadline=None)
def test_any_configuration_that_is_written_is_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, config: Config
) -> None:
    path = tmp_path_factory.mktemp("written") / "gym.yaml"
    path.write_text(dump(config), encoding="utf-8")
    assert load(path, {}) == config


def sections(values: Any, key: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where unknown keys could stand: every mapping but the free-form ones."""
    nested = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    below = [
        place
        for name, value in nested
        if name not in ("cues", "thresholds", "severity")
        for place in sections(value, (*key, name))
    ]
    return [key, *below] if isinstance(values, dict) else below


WHOLE = yaml.safe_load(dump(Config.model_validate({"cameras": [{"name": "a", "source": "0"}], "plan": {}})))


@given(st.sampled_from(sections(WHOLE)), st.from_regex(r"[a-z_]{1,12}", fullmatch=True))
@settings(max_examples=60, deadline=None)
def test_an_unknown_key_at_any_level_is_named_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[str | int, ...], unknown: str
) -> None:
    values = yaml.safe_load(yaml.safe_dump(WHOLE))
    section = values
    for part in place:
        section = section[part]
    if unknown in section:
        return
    section[unknown] = "x"
    path = tmp_path_factory.mktemp("unknown") / "gym.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    line = read(path.read_text()).lines[*place, unknown]
    assert path.read_text().splitlines()[line - 1].strip(" -") == f"{unknown}: x".replace(
        unknown, yaml.safe_dump(unknown).splitlines()[0]
    )
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    (complaint,) = str(caught.value).split("\n")
    assert complaint.startswith(f"{path}:{line}: ")
    assert f"{unknown}: unknown key; " in complaint


@given(st.text(max_size=60) | st.text(st.sampled_from("ab:{}[]-&*!|># \n\t'\"0"), max_size=60))
@settings(deadline=None)
def test_any_text_is_a_configuration_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "gym.yaml"
    path.write_bytes(text.encode("utf-8", errors="replace"))
    complaint = f"{path}: none"
    try:
        load(path, {})
    except ConfigError as error:
        complaint = str(error)
    assert all(line.startswith(f"{path}:") for line in complaint.split("\n"))
