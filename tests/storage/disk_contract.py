"""What every `Disk` must do; each implementation inherits these tests."""

import pytest

from raftwerk.errors import DirectoryLocked
from raftwerk.storage.disk_protocol import Disk


class DiskContract:
    """Inherit, and set `disk` and `root`, a directory that need not be there."""

    disk: Disk
    root: str

    def test_directories_are_made_with_those_above(self) -> None:
        assert self.disk.make_directory(f"{self.root}/a/b")
        assert not self.disk.make_directory(f"{self.root}/a/b")
        assert self.disk.list_directory(f"{self.root}/a") == ["b"]

    def test_no_directory_has_no_names(self) -> None:
        assert self.disk.list_directory(f"{self.root}/nothing") == []

    def test_a_file_is_no_directory(self) -> None:
        self.disk.make_directory(self.root)
        self.disk.create(f"{self.root}/file").close()
        with pytest.raises(NotADirectoryError):
            self.disk.list_directory(f"{self.root}/file")
        with pytest.raises(FileExistsError):
            self.disk.make_directory(f"{self.root}/file")
        with pytest.raises(FileExistsError):
            self.disk.make_directory(f"{self.root}/file/below")

    def test_names_are_listed_in_order(self) -> None:
        self.disk.make_directory(self.root)
        for name in "cab":
            self.disk.create(f"{self.root}/{name}").close()
        assert self.disk.list_directory(self.root) == ["a", "b", "c"]

    def test_what_was_written_is_read(self) -> None:
        self.disk.make_directory(self.root)
        file = self.disk.create(f"{self.root}/file")
        file.write_at(3, b"def")
        file.write_at(0, b"ab")
        assert file.size() == 6
        assert file.read_at(0, 100) == b"ab\0def"
        assert file.read_at(4, 1) == b"e"
        assert file.read_at(6, 1) == b""
        file.sync()
        self.disk.sync_directory(self.root)
        file.close()
        again = self.disk.open(f"{self.root}/file")
        again.write_at(1, b"B")
        again.close()
        reader = self.disk.open_to_read(f"{self.root}/file")
        assert reader.read_at(0, 100) == b"aB\0def"
        with pytest.raises(OSError, match=r".*"):
            reader.write_at(0, b"no")
        reader.close()

    def test_a_created_file_is_empty_even_if_one_was_there(self) -> None:
        self.disk.make_directory(self.root)
        for data in b"longer", b"":
            file = self.disk.create(f"{self.root}/file")
            assert file.size() == 0
            file.write_at(0, data)
            file.close()

    def test_a_renamed_file_replaces_the_other(self) -> None:
        self.disk.make_directory(self.root)
        for name in "ab":
            file = self.disk.create(f"{self.root}/{name}")
            file.write_at(0, name.encode())
            file.close()
        self.disk.rename(f"{self.root}/a", f"{self.root}/b")
        assert self.disk.list_directory(self.root) == ["b"]
        file = self.disk.open_to_read(f"{self.root}/b")
        assert file.read_at(0, 9) == b"a"
        file.close()

    def test_what_is_not_there_is_not_found(self) -> None:
        missing = f"{self.root}/missing"
        for call in (
            lambda: self.disk.open(missing),
            lambda: self.disk.open_to_read(missing),
            lambda: self.disk.create(f"{missing}/file"),
            lambda: self.disk.remove(missing),
            lambda: self.disk.rename(missing, f"{self.root}/other"),
            lambda: self.disk.sync_directory(missing),
        ):
            with pytest.raises(FileNotFoundError):
                call()

    def test_a_removed_file_is_gone(self) -> None:
        self.disk.make_directory(self.root)
        self.disk.create(f"{self.root}/file").close()
        self.disk.remove(f"{self.root}/file")
        assert self.disk.list_directory(self.root) == []

    def test_a_lock_is_held_once(self) -> None:
        self.disk.make_directory(self.root)
        path = f"{self.root}/LOCK"
        lock = self.disk.lock(path, "first")
        with pytest.raises(DirectoryLocked, match=r"in use by process \d+ \(first\)"):
            self.disk.lock(path, "second")
        lock.close()
        self.disk.lock(path, "second").close()
