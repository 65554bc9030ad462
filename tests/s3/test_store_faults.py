"""What a store, its network and its rights can do to a device: action x moment.

What must hold: either the call succeeds in the end and everything is there, or it fails within its
bounds with a message that names the place, and nothing was acknowledged that is not there.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.devices.second_try import SecondTryWriter
from flowbackup.media.failure import StoreError
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.media.places import store
from flowbackup.media.places.bucket import object_at
from flowbackup.media.port import Device
from flowbackup.media.segments import object_writer
from flowbackup.model.device import DeviceTarget
from flowbackup.testing.device_conformance import SESSION
from flowbackup.testing.frames import sample_frame
from flowbackup.units import MIB
from tests.s3.conftest import QUICK, place_at, use_keys
from tests.s3.proxy import Break, Proxy, Request
from tests.s3.server import BUCKET, READER, WRITER, Server
from tests.s3.signed import REGION

SLOW_DOWN = Break(status=503, code="SlowDown")
BREAKS = {
    "500": Break(status=500, code="InternalError"),
    "503 SlowDown": SLOW_DOWN,
    "cut before": Break(cut="before"),
    "cut in the body": Break(cut="body"),
    "answer lost": Break(cut="answer"),
    "no answer in time": Break(wait=600, cut="before"),
    "late": Break(wait=0.2),
}


ANSWER_SECONDS = 4
"""Of which the end is waited for; the other requests of these tests have as long."""


@pytest.fixture
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A name in BREAKS, and the patience for it; before the device, which connects with that."""
    name = str(request.param)
    if name == "no answer in time":
        monkeypatch.setattr(store, "PATIENCE", replace(QUICK, request_seconds=ANSWER_SECONDS))
    return name


@pytest.fixture
def place(proxy: Proxy, tmp_path: Path) -> str:
    return place_at(proxy.endpoint, tmp_path)


@pytest.fixture
def device(place: str) -> Device:
    make_first_medium(place, name="vault")
    device = open_device(DeviceTarget("vault", "s3", place))
    device.lock("test")
    return device


def is_segment(request: Request) -> bool:
    return request.method == "PUT" and request.key.endswith(".seg") and request.is_conditional


def sequences(device: Device) -> list[int]:
    return [stored.header.sequence for stored in device.reader().frames()]


def hows(*without: str) -> list[object]:
    """Those that wait for the end of a patience are for those who wait for them."""
    marks = {"no answer in time": [pytest.mark.slow]}
    return [pytest.param(how, marks=marks.get(how, [])) for how in BREAKS if how not in without]


@pytest.mark.parametrize("how", hows(), indirect=True)
def test_a_segment_is_tried_again(how: str, proxy: Proxy, device: Device) -> None:
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(9000, 1))
    proxy.break_at(BREAKS[how], is_segment, times=2)
    assert [stored.header.sequence for stored in writer.commit()] == [1]
    assert proxy.broken == (1 if how == "late" else 2)
    assert sequences(device) == [1]
    device.close()


@pytest.mark.parametrize("how", hows("late", "answer lost"), indirect=True)
def test_a_segment_that_never_gets_through_is_not_acknowledged(
    how: str, proxy: Proxy, device: Device, place: str
) -> None:
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(9000, 1))
    proxy.break_at(BREAKS[how], is_segment)
    with pytest.raises(DeviceError) as told:
        writer.commit()
    assert place.partition("@")[2].partition("/")[2] in str(told.value)
    assert 'device "vault": the sync of segment 1 failed' in told.value.message
    assert told.value.remedy
    with pytest.raises(DeviceError, match="no further writing"):
        writer.commit()
    proxy.break_at(Break(), lambda request: False)
    assert sequences(device) == []
    device.close()


PARTS: dict[str, Callable[[Request], bool]] = {
    "a part": lambda request: request.is_part,
    "the end of the parts": lambda request: request.is_end_of_parts,
    "the beginning of the parts": lambda request: "uploads" in request.query,
}


@pytest.mark.parametrize("moment", PARTS)
@pytest.mark.parametrize("how", ["503 SlowDown", "cut in the body", "answer lost"])
def test_sending_in_parts_is_tried_again(
    proxy: Proxy, device: Device, how: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_writer, "PARTS_FROM_BYTES", MIB)
    monkeypatch.setattr(store, "PART_BYTES", 5 * MIB)
    proxy.break_at(BREAKS[how], PARTS[moment], times=1)
    writer = device.writer(SESSION, 1)
    for number in (1, 2):
        writer.append(*sample_frame(6 * MIB, number))
    assert len(writer.commit()) == 2
    assert proxy.broken == 1
    assert sequences(device) == [1, 2]
    device.close()


def test_parts_whose_end_was_carried_out_but_not_told(
    proxy: Proxy, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the answer is lost, and the server knows no such upload when it is asked again."""
    monkeypatch.setattr(object_writer, "PARTS_FROM_BYTES", MIB)
    monkeypatch.setattr(store, "PART_BYTES", 5 * MIB)
    gone = Break(status=404, code="NoSuchUpload", late=True)
    proxy.break_at(gone, PARTS["the end of the parts"], times=1)
    writer = device.writer(SESSION, 1)
    for number in (1, 2):
        writer.append(*sample_frame(6 * MIB, number))
    assert len(writer.commit()) == 2
    assert proxy.broken == 1
    assert sequences(device) == [1, 2]
    device.close()


@pytest.mark.parametrize("moment", PARTS)
def test_a_connection_that_stays_lost_in_the_middle_leaves_nothing(
    proxy: Proxy, device: Device, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_writer, "PARTS_FROM_BYTES", MIB)
    monkeypatch.setattr(store, "PART_BYTES", 5 * MIB)
    proxy.break_at(Break(cut="before"), PARTS[moment])
    writer = device.writer(SESSION, 1)
    with pytest.raises(DeviceError, match=r"s3://media/.*\.seg"):
        for number in (1, 2):
            writer.append(*sample_frame(6 * MIB, number))
        writer.commit()
    proxy.break_at(Break(), lambda request: False)
    assert sequences(device) == []
    device.close()


def test_what_failed_goes_to_a_new_segment_from_memory(
    proxy: Proxy, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PATIENCE", replace(QUICK, tries_more=0))
    writer = SecondTryWriter(
        lambda: device.writer(SESSION, 1), lambda: device.reader().written_by(SESSION)
    )
    writer.append(*sample_frame(9000, 1))
    proxy.break_at(Break(cut="before"), is_segment, times=1)
    assert len(writer.commit()) == 1
    assert writer.failure is not None
    assert sequences(device) == [1]
    device.close()


@pytest.mark.parametrize("how", hows("late", "503 SlowDown", "cut in the body"), indirect=True)
def test_reading_is_tried_again_and_is_no_damage(how: str, proxy: Proxy, device: Device) -> None:
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(90_000, 1))
    (stored,) = writer.commit()

    def reading(request: Request) -> bool:
        return request.method == "GET" and request.key.endswith(".seg")

    proxy.break_at(BREAKS[how], reading, times=1)
    assert len(device.reader().read(stored.header, stored.place)[1]) == 90_000
    proxy.break_at(BREAKS[how], reading)
    with pytest.raises(DeviceError) as told:
        device.reader().read(stored.header, stored.place)
    assert type(told.value) is DeviceError, "a store that does not answer has lost nothing"
    proxy.break_at(Break(), lambda request: False)
    device.close()


def test_an_answer_that_is_cut_off_is_noticed(proxy: Proxy, device: Device) -> None:
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(90_000, 1))
    (stored,) = writer.commit()
    proxy.break_at(
        Break(short=True), lambda r: r.method == "GET" and r.key.endswith(".seg"), times=1
    )
    try:
        assert len(device.reader().read(stored.header, stored.place)[1]) == 90_000
    except DeviceError as error:
        assert type(error) is DeviceError
    device.close()


def test_who_may_only_read_is_told_so(
    server: Server, device: Device, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.close()
    use_keys(monkeypatch, READER)
    reading = open_device(DeviceTarget("vault", "s3", place))
    assert list(reading.reader().frames()) == []
    for refused in (lambda: reading.check_writable(1), lambda: reading.lock("test")):
        with pytest.raises(DeviceError, match=r"AccessDenied .*s3://media/.*EACCES") as told:
            refused()
        assert "check the keys" in told.value.remedy


@pytest.mark.parametrize("pair", [("nobody", "wrong"), (WRITER[0], "wrong")])
def test_wrong_keys_are_told_without_showing_them(
    place: str, device: Device, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    device.close()
    use_keys(monkeypatch, pair)
    with pytest.raises(DeviceError, match=r'device "vault".* cannot be read: ') as told:
        open_device(DeviceTarget("vault", "s3", place)).info()
    text = "".join(traceback.format_exception(told.value))
    assert "obstore.exceptions" not in text, "nor the request, nor what the server says of them"
    assert "check the keys" in told.value.remedy
    assert not any(secret in text for secret in (WRITER[1], READER[1]))


def test_a_bucket_that_is_not_there(server: Server) -> None:
    host = server.endpoint.partition("://")[2]
    location = f"s3+http://{REGION}@{host}/no-such-bucket/prefix"
    for act in (
        lambda: open_device(DeviceTarget("vault", "s3", location)).info(),
        lambda: make_first_medium(location, name="vault"),
    ):
        with pytest.raises(DeviceError, match='no bucket "no-such-bucket"') as told:
            act()
        assert "make the bucket first" in told.value.remedy


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    location = f"s3+http://{REGION}@127.0.0.1:9/{BUCKET}/prefix"
    with pytest.raises(DeviceError, match="the server is not reached") as told:
        open_device(DeviceTarget("vault", "s3", location)).info()
    assert "look whether the server is well" in told.value.remedy


def test_a_place_that_cannot_be_is_named() -> None:
    with pytest.raises(StoreError, match=r"s3://UP/x.*names no bucket") as told:
        object_at("s3://UP/x")
    assert told.value.remedy == "Write it as s3://bucket/prefix"


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read: No such file"), (b"x", "has no certificate")]
)
def test_certificates_that_cannot_be_read_are_no_missing_medium(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    bundle = tmp_path / "authorities.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    store.store_at.cache_clear()
    for act in (
        lambda: open_device(DeviceTarget("vault", "s3", place)).info(),
        lambda: make_first_medium(place, name="vault"),
    ):
        with pytest.raises(
            DeviceError, match=f"{bundle}, which AWS_CA_BUNDLE names, {why}"
        ) as told:
            act()
        assert place in told.value.message
        assert "AWS_CA_BUNDLE" in told.value.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_S3_EXPRESS", "perhaps"),
        ("AWS_ACCESS_KEY_ID", "two\nlines"),
        ("AWS_CA_BUNDLE", "-----BEGIN CERTIFICATE-----\nno base64\n"),
    ],
)
def test_settings_of_which_no_request_can_be_made_are_told(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    if name == "AWS_CA_BUNDLE":
        (tmp_path / "authorities.pem").write_text(value)
        value = str(tmp_path / "authorities.pem")
    monkeypatch.setenv(name, value)
    store.store_at.cache_clear()
    with pytest.raises(DeviceError, match="with the settings of the environment") as told:
        open_device(DeviceTarget("vault", "s3", place)).info()
    assert "two" not in "".join(traceback.format_exception(told.value))


def test_keys_of_a_profile(
    place: str, device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.close()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "backup")
    file.write_text(
        f"[backup]\naws_access_key_id = {WRITER[0]}\naws_secret_access_key = {WRITER[1]}\n"
    )
    store.store_at.cache_clear()
    assert open_device(DeviceTarget("vault", "s3", place)).info().device == "vault"
    monkeypatch.setenv("AWS_PROFILE", "other")
    store.store_at.cache_clear()
    with pytest.raises(DeviceError, match='profile "other" has no keys') as told:
        open_device(DeviceTarget("vault", "s3", place)).info()
    assert WRITER[1] not in str(told.value)
