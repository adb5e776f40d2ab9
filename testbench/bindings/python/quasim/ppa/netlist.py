"""The mapped unit as one flat netlist: cells, memories, names, loads; written as Verilog for timing and simulation."""

import re
from collections import defaultdict

from .design import TOP, noun

CLOCK, RESET = "clk_i", "rst_ni"
REGISTER = "_reg"  # ends the name of a flip-flop


class Instance:
    """A cell or a memory: pins maps "A" or "rdata_o[3]" to a net (a number) or to "0" and "1"."""

    __slots__ = ("name", "type", "pins", "module", "path", "register")

    def __init__(self, name, kind, pins, module, path, register=None):
        self.name, self.type, self.pins, self.module, self.path, self.register = name, kind, pins, module, path, register


def identifier(text):
    """A hierarchical name as a Verilog identifier: gen_lane[3].u_requant.q_q[5] becomes gen_lane_3__u_requant__q_q_5."""
    return re.sub(r"\W+", "_", text.replace("].", "__").replace(".", "__").replace("]", "").replace("[", "_"))


def plain(register):
    """The register without the numbers of its bits and of its lane."""
    return re.sub(r"\[\d+\]", "", register)


class Ports:
    """What is known of a type's pins: cells from the library, memories from the design."""

    def __init__(self, library, mapped, memories):
        self.library, self.memories = library, memories
        self._outputs = {}
        for name in memories:
            for port, description in mapped_ports(mapped, name).items():
                if description == "output":
                    self._outputs.setdefault(name, set()).add(port)

    def is_output(self, kind, pin):
        if kind in self.memories:
            return pin.partition("[")[0] in self._outputs.get(kind, ())
        return pin in self.library.cell(kind).outputs

    def capacitance(self, kind, pin):
        if kind in self.memories:
            return 0.0 if self.is_output(kind, pin) else self.memory_capacitance
        return self.library.cell(kind).capacitance(pin)

    @property
    def memory_capacitance(self):
        """Of an input of a memory: what two strong inverters have."""
        inverter = self.library.inverter()
        return 2 * inverter.capacitance(inverter.inputs[0])


def mapped_ports(mapped, memory):
    """{port: direction} of a black box, from the first place where it is used."""
    for module in mapped.values():
        for cell in module["cells"].values():
            if cell["type"] == memory:
                return cell["port_directions"]
    return {}


class Netlist:
    """The flat unit."""

    def __init__(self, design, mapped, library):
        self.design, self.library = design, library
        self.ports_of = Ports(library, mapped, design.memories)
        self.instances = []
        self.port_bits = {}  # top port: (direction, [net])
        self.instance_count = defaultdict(int)  # module: how often it is there
        self._mapped, self._nets = mapped, 0
        self._aliases = {}
        self._registers = {name: register_names(module) for name, module in mapped.items()}
        self._used = set()
        top = mapped[TOP]
        scope = {}
        for port, description in top["ports"].items():
            self.port_bits[port] = (description["direction"], [self._net(scope, bit) for bit in description["bits"]])
        self._flatten(TOP, "", scope)
        self._index()

    def _net(self, scope, bit):
        if isinstance(bit, str):
            return bit if bit in ("0", "1") else "0"
        if bit not in scope:
            scope[bit] = self._nets
            self._nets += 1
        return scope[bit]

    def _unique(self, name):
        name = identifier(name)
        while name in self._used:
            name += "_"
        self._used.add(name)
        return name

    def _flatten(self, module, path, scope):
        self.instance_count[module] += 1
        mapped = self._mapped[module]
        registers = self._registers[module]
        number = 0
        for name, cell in mapped["cells"].items():
            kind, connections = cell["type"], cell["connections"]
            if kind in self._mapped:
                inner = {}
                for port, description in self._mapped[kind]["ports"].items():
                    for bit, outer in zip(description["bits"], connections.get(port, [])):
                        self._bind(inner, bit, self._net(scope, outer), description["direction"])
                self._flatten(kind, f"{path}{name}.", inner)
                continue
            if kind in self.design.memories:
                pins = {f"{port}[{i}]" if len(bits) > 1 else port: self._net(scope, bit)
                        for port, bits in connections.items() for i, bit in enumerate(bits)}
                self.instances.append(Instance(self._unique(path + name), kind, pins, noun(kind), path + name))
                continue
            pins = {pin: self._net(scope, bits[0]) for pin, bits in connections.items() if bits}
            register = None
            description = self.library.cell(kind)
            if description.is_ff:
                bits = [bit for pin in description.outputs for bit in connections.get(pin, []) if bit in registers]
                if name.endswith(REGISTER):
                    register = name.removesuffix(REGISTER)
                else:
                    register = registers[bits[0]] if bits else f"state{number}"
            number += 1
            label = f"{path}{register}{REGISTER}" if register is not None else f"{path}g{number}"
            self.instances.append(Instance(self._unique(label), kind, pins, noun(module), path, register))

    def _bind(self, scope, bit, net, direction):
        """A port's bit of an inner module is the outer net. Two ports of one inner net join two outer ones; a constant that an
        inner module puts out drives the outer net."""
        if isinstance(bit, str):
            if direction == "output" and not isinstance(net, str):
                self._aliases[net] = bit if bit in ("0", "1") else "0"
        elif bit not in scope:
            scope[bit] = net
        elif scope[bit] != net and not isinstance(net, str):
            self._aliases[net] = scope[bit]

    def resolved(self, net):
        while net in self._aliases:
            net = self._aliases[net]
        return net

    def _index(self):
        """Drivers, readers and loads of the nets."""
        for instance in self.instances:
            instance.pins = {pin: self.resolved(net) for pin, net in instance.pins.items()}
        self.port_bits = {port: (direction, [self.resolved(net) for net in nets]) for port, (direction, nets) in self.port_bits.items()}
        self.driver, self.readers = {}, defaultdict(list)
        for instance in self.instances:
            for pin, net in instance.pins.items():
                if isinstance(net, str):
                    continue
                if self.ports_of.is_output(instance.type, pin):
                    self.driver[net] = (instance, pin)
                else:
                    self.readers[net].append((instance, pin))
        self.inputs = {net: f"{port}[{i}]" if len(nets) > 1 else port
                       for port, (direction, nets) in self.port_bits.items() if direction == "input" for i, net in enumerate(nets)}
        self.outputs = defaultdict(list)
        for port, (direction, nets) in self.port_bits.items():
            if direction == "output":
                for i, net in enumerate(nets):
                    self.outputs[net].append(f"{port}[{i}]" if len(nets) > 1 else port)

    def load(self, net, output_load=0.0):
        """Capacitance of the pins that read a net, in the library's unit."""
        return sum(self.ports_of.capacitance(instance.type, pin) for instance, pin in self.readers.get(net, ())) \
            + output_load * len(self.outputs.get(net, ()))

    # ---- trees of buffers on nets that cross modules ----
    def buffer_heavy_nets(self, output_load):
        """A net that is loaded beyond what its driver can carry gets a tree of the strongest buffer; returns how many were
        needed. Clock and reset are ideal."""
        buffer = self.library.buffer()
        source, drain = buffer.inputs[0], buffer.outputs[0]
        spared = {net for port in (CLOCK, RESET) if port in self.port_bits for net in self.port_bits[port][1]}
        strongest = buffer.max_load(drain) or 32 * buffer.capacitance(source)
        share = strongest / 4  # a buffer is loaded by a quarter of what it may carry: quick edges
        added = 0
        for net in sorted(net for net in self.readers if net not in spared):
            while True:
                limit = strongest
                if net in self.driver:
                    instance, pin = self.driver[net]
                    if instance.type not in self.design.memories:
                        limit = self.library.cell(instance.type).max_load(pin) or strongest
                limit = min(limit / 2, share)
                total = self.load(net, output_load)
                sinks = self.readers[net]
                if total <= limit or len(sinks) < 2:
                    break
                groups, filled = [[]], 0.0
                for instance, pin in sorted(sinks, key=lambda sink: sink[0].name):
                    weight = self.ports_of.capacitance(instance.type, pin)
                    if groups[-1] and filled + weight > share:
                        groups.append([])
                        filled = 0.0
                    groups[-1].append((instance, pin))
                    filled += weight
                if len(groups) >= len(sinks):
                    break
                self.readers[net] = []
                for group in groups:
                    fresh = self._nets
                    self._nets += 1
                    added += 1
                    copy = Instance(self._unique(f"fanout.b{added}"), buffer.name, {source: net, drain: fresh}, "buffers", "")
                    self.instances.append(copy)
                    self.driver[fresh] = (copy, drain)
                    self.readers[net].append((copy, source))
                    for instance, pin in group:
                        instance.pins[pin] = fresh
                        self.readers[fresh].append((instance, pin))
        return added

    # ---- texts ----
    def net_name(self, net):
        if isinstance(net, str):
            return f"1'b{net}"
        if net in self.inputs:
            return self.inputs[net]
        if net in self.outputs:
            return self.outputs[net][0]
        return f"n{net}"

    def verilog(self, parameters=(), memory_pins_as_buses=False, change=None, more=""):
        """The netlist in Verilog. `parameters` are declared on the module and mean nothing. Memories have a pin a bit, or buses
        as in the sources. `change` maps an instance's name to another cell type; `more` are further lines."""
        change = change or {}
        lines = [f"module {TOP} " + (f"#(parameter {', '.join(f'{name} = {value}' for name, value in parameters)}) (" if parameters else "(")]
        lines.append(", ".join(self.port_bits) + ");")
        for port, (direction, nets) in self.port_bits.items():
            lines.append(f"  {direction} {f'[{len(nets) - 1}:0] ' if len(nets) > 1 else ''}{port};")
        named = set(self.inputs) | set(self.outputs)
        used = {net for instance in self.instances for net in instance.pins.values() if not isinstance(net, str)} - named
        lines += [f"  wire n{net};" for net in sorted(used)]
        for net, ports in self.outputs.items():
            first = self.net_name(net)
            lines += [f"  assign {port} = {first};" for port in ports if port != first]
        for instance in self.instances:
            pins = instance.pins
            if instance.type in self.design.memories:
                connections = self._buses(pins) if memory_pins_as_buses else [f".{identifier(pin)}({self.net_name(net)})" for pin, net in pins.items()]
            else:
                connections = [f".{pin}({self.net_name(net)})" for pin, net in pins.items()]
            lines.append(f"  {change.get(instance.name, instance.type)} {instance.name} ({', '.join(connections)});")
        return "\n".join([*lines, *([more] if more else []), "endmodule", ""])

    def _buses(self, pins):
        buses = {}
        for pin, net in pins.items():
            port, _, index = pin.partition("[")
            buses.setdefault(port, {})[int(index.rstrip("]") or 0) if index else 0] = self.net_name(net)
        return [f".{port}({{{', '.join(bits[i] for i in sorted(bits, reverse=True))}}})" for port, bits in buses.items()]


def register_names(module):
    """{bit: name[index]} of a module's own wires: what registers are called. A name that ends in _q goes before others, a wire
    before a port."""
    best = {}
    for name, description in module["netnames"].items():
        if description.get("hide_name"):
            continue
        rank = (not name.endswith("_q"), name in module["ports"], len(name))
        for index, bit in enumerate(description["bits"]):
            if not isinstance(bit, str) and (bit not in best or rank < best[bit][0]):
                best[bit] = (rank, f"{name}[{index}]" if len(description["bits"]) > 1 else name)
    return {bit: name for bit, (_, name) in best.items()}


def with_named_flip_flops(module, unmapped, library):
    """The mapped module with each flip-flop called after its register, NAME_reg. The names are those of `unmapped`, where the logic is
    not mapped yet: mapping can lose the net of a register whose flip-flop puts out the inverse."""
    names = register_names(unmapped)
    behind = {cell["connections"]["A"][0]: cell["connections"]["Y"][0] for cell in unmapped["cells"].values() if cell["type"] == "$_NOT_"}
    called = {}
    for cell, description in unmapped["cells"].items():
        if description["type"] in library and library.cell(description["type"]).is_ff:
            bits = [bit for pin in library.cell(description["type"]).outputs for bit in description["connections"].get(pin, [])]
            found = [names[bit] for bit in [*bits, *(behind.get(bit) for bit in bits)] if bit in names]
            if found and f"{found[0]}{REGISTER}" not in called.values():
                called[cell] = f"{found[0]}{REGISTER}"
    return {**module, "cells": {called.get(cell, cell): description for cell, description in module["cells"].items()}}
