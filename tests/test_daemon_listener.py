"""The listening socket and the lock that lets one daemon run."""

import os
import socket
import stat
import subprocess
import sys

import pytest

from paod.daemon.instance import Instance, is_held, lock_paths
from paod.daemon.listener import address_of, close_listener, open_listener
from paod.errors import AlreadyRunning, SettingsError


def test_a_port_of_the_system_s_choice():
    listener = open_listener("127.0.0.1:0")
    port = listener.getsockname()[1]
    assert address_of(listener) == f"http://127.0.0.1:{port}"
    socket.create_connection(("127.0.0.1", port)).close()
    close_listener(listener)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 in this Python")
def test_ipv6():
    try:
        listener = open_listener("[::1]:0")
    except SettingsError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    assert address_of(listener).startswith("http://[::1]:")
    close_listener(listener)


def test_a_unix_socket_is_the_group_s_and_goes_with_its_owner(tmp_path):
    path = tmp_path / "paod.sock"
    listener = open_listener(f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    close_listener(listener)
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(tmp_path):
    path = tmp_path / "paod.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    close_listener(open_listener(f"unix:{path}"))


def test_a_socket_in_use_and_a_foreign_file_are_left_alone(tmp_path):
    path = tmp_path / "paod.sock"
    first = open_listener(f"unix:{path}")
    with pytest.raises(SettingsError, match="in use"):
        open_listener(f"unix:{path}")
    assert path.exists()
    close_listener(first)
    path.write_text("precious")
    with pytest.raises(SettingsError, match="no socket"):
        open_listener(f"unix:{path}")
    assert path.read_text() == "precious"


def test_a_port_in_use_says_what_to_do():
    first = open_listener("127.0.0.1:0")
    with pytest.raises(SettingsError, match="cannot listen on") as caught:
        open_listener(f"127.0.0.1:{first.getsockname()[1]}")
    assert "PAO_LISTEN" in caught.value.hint
    close_listener(first)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:", "host:99999", "nowhere.invalid:1"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(SettingsError):
        open_listener(address)


def test_the_second_instance_is_refused_and_told_who_runs(tmp_path):
    paths = lock_paths(tmp_path, None)
    first = Instance(paths)
    assert is_held(paths)
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        Instance(paths)
    first.close()
    assert not is_held(paths)
    Instance(paths).close()


def test_one_database_has_one_daemon_whatever_the_state_folder(tmp_path):
    one, other, shared = tmp_path / "one", tmp_path / "other", tmp_path / "db" / "paod.db"
    for folder in (one, other, shared.parent):
        folder.mkdir()
    first = Instance(lock_paths(one, shared))
    with pytest.raises(AlreadyRunning):
        Instance(lock_paths(other, shared))
    first.close()


@pytest.mark.parametrize("name", ["paod.db", "linked.db"])
def test_a_database_in_its_daemons_state_folder_is_locked_for_others_too(tmp_path, name):
    state, other = tmp_path / "state", tmp_path / "other"
    for folder in (state, other):
        folder.mkdir()
    (state / "paod.db").touch()
    (state / "linked.db").symlink_to("paod.db")
    first = Instance(lock_paths(state, state / "paod.db"))
    with pytest.raises(AlreadyRunning, match=r"runs on /.*/state/paod\.db \(process"):
        Instance(lock_paths(other, state / name))
    assert is_held(lock_paths(other, state / name))
    first.close()


def test_a_lock_that_cannot_be_made_is_a_fault_of_the_settings(tmp_path):
    with pytest.raises(SettingsError, match="cannot be made"):
        Instance(lock_paths(tmp_path, tmp_path / "missing" / "paod.db"))
    Instance(lock_paths(tmp_path, None)).close()


def test_nothing_runs_where_nothing_ever_ran(tmp_path):
    assert not is_held(lock_paths(tmp_path, None))
    assert not (tmp_path / "serve.lock").exists()


def test_a_killed_holder_frees_the_lock(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from paod.daemon.instance import *;"
        "i = Instance(lock_paths(Path(sys.argv[1]), None)); print('held', flush=True);"
        "time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert is_held(lock_paths(tmp_path, None))
    holder.kill()
    holder.communicate()
    assert not is_held(lock_paths(tmp_path, None))
