"""python.package.outputs: where -o of the verbs in Python goes, by the rules of docs/outputs.md."""

import contextlib
import io
import os
import pathlib
import stat
import tempfile
import threading
import unittest

from quasim import outputs
from quasim.refusal import Refusal


class Outputs(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def only(self, *names):
        """Nothing else lies there, unfinished files among it."""
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), sorted(names))

    def test_files_and_folders(self):
        outputs.write_text(self.folder / "a/b/new.txt", "one\n")
        self.assertEqual((self.folder / "a/b/new.txt").read_text(), "one\n")
        file = self.folder / "old.txt"
        file.write_text("old")
        file.chmod(0o640)
        outputs.write_text(file, "two\n")
        self.assertEqual((file.read_text(), stat.S_IMODE(file.stat().st_mode)), ("two\n", 0o640))
        with self.assertRaisesRegex(Refusal, "a folder"):
            outputs.write_text(self.folder / "a", "three\n")
        self.only("a", "old.txt")

    def test_links_stay(self):
        for name in ("there", "nowhere"):
            (self.folder / f"to_{name}").symlink_to(name)
        (self.folder / "there").write_text("old")
        for name in ("there", "nowhere"):
            outputs.write_text(self.folder / f"to_{name}", "new\n")
            self.assertTrue((self.folder / f"to_{name}").is_symlink())
            self.assertEqual((self.folder / name).read_text(), "new\n")
        self.only("there", "nowhere", "to_there", "to_nowhere")

    def test_a_fifo_is_written_through(self):
        fifo, read = self.folder / "fifo", []
        os.mkfifo(fifo)
        reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
        reader.start()
        outputs.write_text(fifo, "through\n")
        reader.join(20)
        self.assertEqual(read, ["through\n"])
        self.assertTrue(stat.S_ISFIFO(fifo.stat().st_mode))
        outputs.write_text("/dev/null", "gone\n")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        with self.assertRaisesRegex(Refusal, "No space left"):
            outputs.write_text("/dev/full", "full\n")

    def test_what_is_read_is_never_replaced(self):
        file = self.folder / "in.txt"
        file.write_text("input")
        (self.folder / "link").symlink_to("in.txt")
        for target in (file, self.folder / "link", self.folder / "x/../in.txt"):
            with self.assertRaisesRegex(Refusal, "what is read"):
                outputs.require_unread(target, [None, file])
        with self.assertRaisesRegex(Refusal, "what is read"):
            outputs.require_unread(self.folder, [file])
        outputs.require_unread(self.folder / "other", [file])
        self.assertEqual(file.read_text(), "input")

    def test_standard_output(self):
        self.assertTrue(outputs.goes_to_stdout("-"))
        self.assertFalse(outputs.goes_to_stdout(self.folder / "file"))
        with contextlib.redirect_stdout(io.StringIO()):  # no file of the system
            self.assertFalse(outputs.goes_to_stdout("/dev/null"))


if __name__ == "__main__":
    unittest.main()
