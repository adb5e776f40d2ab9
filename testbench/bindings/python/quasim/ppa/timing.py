"""OpenSTA on the flat netlist: the longest path to each register, and where it begins."""

import re

from . import tools
from .design import TOP
from .netlist import plain

PERIOD_NS = 1000.0  # far beyond any path, so that a path of two cycles cannot be taken for one of one
TIME_LIMIT_S = 1800
STARTS_SHOWN = 12   # stages whose start point is looked up


def stage_name(instance):
    """requant.q_q of the flip-flop q_q[3] in gen_lane[7].u_requant."""
    module = instance.module.removeprefix("quasim_")
    return f"{module}.{plain(instance.register)}" if instance.register is not None else f"{module} (memory)"


class Timing:
    """Delay of every endpoint of a netlist."""

    def __init__(self, netlist, memory_model, liberty, load, driver, work, sdc=None):
        self.netlist, self.work, self.liberty = netlist, work, liberty
        self.library = netlist.library
        self.scale = 1e-9 / self.library.time_unit  # ns to the library's unit
        (work / "netlist.v").write_text(netlist.verilog())
        (work / "memories.lib").write_text(memory_model.liberty(netlist))
        self._head = f"""read_liberty {liberty}
read_liberty memories.lib
read_verilog netlist.v
link_design {TOP}
set quasim_period {PERIOD_NS * self.scale:g}
set quasim_io_share 0
source {{{sdc}}}
set_driving_cell -lib_cell {driver.name} [all_inputs]
set_load {load:.6g} [all_outputs]
"""
        self._sta = tools.find("sta")
        self.stages = self._measure()

    def _run(self, name, commands):
        (self.work / f"{name}.tcl").write_text(self._head + commands)
        said = tools.run([self._sta, "-exit", f"{name}.tcl"], self.work, f"{name}.log", timeout=TIME_LIMIT_S)
        error = re.search(r"^Error: (.*)$", said, re.M)  # OpenSTA goes on behind an error, and ends well
        if error is not None:
            raise tools.Failed("sta", error[1])
        return said

    def _delay(self, slack):
        period = PERIOD_NS * self.scale
        return ((2 * period if slack > period else period) - slack) / self.scale

    def _measure(self):
        by_name = {instance.name: instance for instance in self.netlist.instances}
        count = sum(1 for instance in self.netlist.instances if instance.register is not None) \
            + sum(len(instance.pins) for instance in self.netlist.instances if instance.type in self.netlist.design.memories) \
            + sum(len(nets) for direction, nets in self.netlist.port_bits.values() if direction == "output")
        said = self._run("endpoints", f"report_checks -path_delay max -group_count {count} -format end -digits 4\n")
        worst = {}
        for line in said.splitlines():
            match = re.match(r"(\S+) \((\S+)\)\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)(?: \(\w+\))?\s*$", line)
            if match is None:
                continue
            name, pin = match[1].rpartition("/")[::2] if "/" in match[1] else (None, match[1])
            instance = by_name.get(name)
            stage = "outputs" if instance is None else stage_name(instance)
            delay = self._delay(float(match[5]))
            entry = worst.setdefault(stage, {"stage": stage, "ns": -1.0, "end": "", "endpoints": 0, "instance": None})
            entry["endpoints"] += 1
            if delay > entry["ns"]:
                entry.update(ns=delay, end=match[1], instance=instance)
        if not worst:
            raise tools.Failed("sta", said)
        stages = sorted(worst.values(), key=lambda stage: -stage["ns"])
        self._starts(stages[:STARTS_SHOWN])
        for stage in stages:
            instance = stage.pop("instance")
            stage["module"] = "outputs" if instance is None else instance.module
            stage["end"] = self._readable(stage["end"], by_name)
        return stages

    def _starts(self, stages):
        """Where the longest paths begin, in one more run."""
        commands = "".join(f'puts "STAGE {n}"\nreport_checks -path_delay max -format full -to '
                           f'{"[get_ports {%s}]" % stage["end"] if "/" not in stage["end"] else "[get_pins {%s}]" % stage["end"]}\n'
                           for n, stage in enumerate(stages))
        by_name = {instance.name: instance for instance in self.netlist.instances}
        for part in self._run("starts", commands).split("STAGE ")[1:]:
            number = int(part.split()[0])
            start = re.search(r"^Startpoint: (\S+)", part, re.M)
            if start is not None:
                stages[number]["start"] = self._readable(start[1], by_name)
                stages[number]["cells"] = len(re.findall(r"^\s+-?[\d.]+\s+-?[\d.]+\s+[v^]\s+\S+/\S+ \(", part, re.M))

    @staticmethod
    def _readable(name, by_name):
        instance = by_name.get(name.partition("/")[0])
        if instance is None:
            return name
        if instance.register is not None:
            return instance.path + instance.register
        return instance.path + ("/" + name.partition("/")[2] if "/" in name else "")
