"""scripts/regress_slurm.sh on a cluster of one node, which this test starts: the merged result is the local run's, and a lost task is made good.

Needs slurmctld, slurmd and sbatch (Debian: slurm-wlm), and control groups; ends with 77 where they are not there.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(os.environ["QUASIM_RTL"]).parent
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def program(*names):
    return next((found for name in names if (found := shutil.which(name, path=PATH))), None)


SLURMCTLD, SLURMD, STEPD = program("slurmctld", "slurmctld-wlm"), program("slurmd", "slurmd-wlm"), program("slurmstepd", "slurmstepd-wlm")
if not (SLURMCTLD and SLURMD and program("sbatch") and program("sinfo")):
    print("slurm_test: needs slurm-wlm", file=sys.stderr)
    sys.exit(77)
if not os.path.ismount("/sys/fs/cgroup"):
    print("slurm_test: slurmd needs a file system at /sys/fs/cgroup", file=sys.stderr)
    sys.exit(77)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class SlurmTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        user = os.environ.get("USER") or subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        host = socket.gethostname().split(".")[0]
        plugins = os.environ.get("SLURM_PLUGINS")
        (self.folder / "slurm.conf").write_text("\n".join([
            "ClusterName=one", f"SlurmctldHost={host}(127.0.0.1)", f"SlurmctldPort={free_port()}", f"SlurmdPort={free_port()}", "AuthType=auth/none", "CredType=cred/none",
            f"SlurmUser={user}", f"SlurmdUser={user}", f"StateSaveLocation={self.folder}/state", f"SlurmdSpoolDir={self.folder}/spool",
            f"SlurmctldPidFile={self.folder}/ctld.pid", f"SlurmdPidFile={self.folder}/d.pid", f"SlurmctldLogFile={self.folder}/ctld.log",
            f"SlurmdLogFile={self.folder}/d.log", "ProctrackType=proctrack/pgid", "TaskPlugin=task/none", "SwitchType=switch/none", "MpiDefault=none",
            "JobAcctGatherType=jobacct_gather/none", "AccountingStorageType=accounting_storage/none", "SelectType=select/cons_tres", "ReturnToService=2",
            "SchedulerParameters=sched_interval=1,bf_interval=1", "SchedulerType=sched/builtin", *([f"PluginDir={plugins}"] if plugins else []),
            f"NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN", f"PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP", ""]))
        (self.folder / "state").mkdir()
        (self.folder / "spool").mkdir()
        self.environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": PATH, "QUASIM": str(self.folder / "quasim"),
                            "QUASIM_UNIT_CACHE": str(self.folder / "units")}
        command = self.folder / "quasim"
        command.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -m quasim.regress "$@"\n')
        command.chmod(0o755)
        stepd = ["-d", STEPD] if STEPD else []
        self.daemons = [subprocess.Popen([SLURMCTLD, "-D"], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
                        subprocess.Popen([SLURMD, "-D", *stepd], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
        self.addCleanup(self.end)
        for _ in range(120):
            state = subprocess.run(["sinfo", "-h", "-o", "%T"], env=self.environment, capture_output=True, text=True, check=False).stdout.strip()
            if state == "idle":
                return
            time.sleep(0.5)
        logs = [path.read_text()[-1500:] for path in (self.folder / "ctld.log", self.folder / "d.log") if path.exists()]
        self.fail("the cluster does not come up: " + "\n".join(logs))

    def end(self):
        for daemon in reversed(self.daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def call(self, *words, code=0):
        done = subprocess.run(list(map(str, words)), env=self.environment, capture_output=True, text=True, check=False, timeout=1200)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def summary(self, folder):
        return json.loads((folder / "summary.json").read_text())

    def test_an_array_gives_the_local_result(self):
        options = ["--sequences", 40, "--per-run", 5, "--units", "small_lanes_2,lanes_1"]
        results = self.folder / "cluster"
        script = ROOT / "scripts/regress_slurm.sh"
        self.call(script, results, 2, *options)
        self.call(self.folder / "quasim", "regress", *options, "-o", self.folder / "local")
        local = self.summary(self.folder / "local")
        self.assertEqual((local["sequences"], local["failed"], local["complete"]), (40, 0, True))
        self.assertEqual(self.summary(results / "merged"), local)
        # a task that was lost in the middle
        shutil.rmtree(results / "merged")
        (results / "shard2/summary.json").unlink()
        for path in sorted((results / "shard2/runs").glob("*.json"))[1:]:
            path.unlink()
        said = self.call(script, results, 2, *options)
        self.assertEqual(self.summary(results / "merged"), local, said)
        self.assertIn("1 of 4 runs are there", (results / "task2.log").read_text())

    def test_bad_usage_is_one_line(self):
        for words in ((), ("x",), (self.folder / "x", "0"), (self.folder / "x", "two")):
            said = self.call(ROOT / "scripts/regress_slurm.sh", *words, code=2)
            self.assertEqual(said.count("\n"), 1, said)


if __name__ == "__main__":
    unittest.main()
