"""The register file of quasim_top under a published AXI4-Lite master, against a model of its own in Python.

The model is a dictionary of words. Accesses go out in pairs, a write and a read at the same time: the read must give what was
there before the write or after it, and anything else must be as the dictionary says. Run it with run.py.
"""
import logging
import os
import random

import cocotb
import quasim_regs as regs
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

LANES, CHANNELS = int(os.environ["QUASIM_LANES"]), int(os.environ["QUASIM_CHANNELS"])
NUMBERS = random.Random(int(os.environ["QUASIM_SEED"]))
OKAY, SLVERR = AxiResp.OKAY, AxiResp.SLVERR
PER_CHANNEL = ("Weight", "Bias", "History")
# {base: (bytes, bytes of a unit, stored bits, signed)} and [(address, lsb, width, least, greatest)] of this unit
WINDOWS = {base: (size * CHANNELS // regs.MAX_CHANNELS_DEFAULT if name in PER_CHANNEL else size, unit, bits, signed)
           for name, (base, size, unit, bits, signed) in regs.WINDOWS.items()}
RANGES = [(regs.REGISTERS[name][0], lsb, width, low, CHANNELS if name == "Channels" else high)
          for name, lsb, width, low, high in regs.RANGES]


class Unit:
    """What the unit holds while it is stopped: registers and windows by word address."""

    def __init__(self):
        self.word = {}
        self.mask = {}
        self.read_only = set()
        for name, (offset, access, mask, reset) in regs.REGISTERS.items():
            self.word[offset] = reset
            self.mask[offset] = mask
            if access == "ro":
                self.read_only.add(offset)
        self.word[regs.REG_CAPABILITY0] = LANES | regs.CONV_BITS_DEFAULT << 8 | regs.TAPS_MAX << 16 | regs.PIPELINE_LATENCY << 24
        self.word[regs.REG_CAPABILITY1] = CHANNELS | regs.MULT_BITS_DEFAULT << 16 | regs.BIAS_BITS_DEFAULT << 24
        self.low = 0
        self.enabled = False

    def window(self, address):
        """The base of the window at an address, or None."""
        return next((base for base, entry in WINDOWS.items() if base <= address < base + entry[0]), None)

    def write(self, address, data, whole):
        """The response, having changed the words."""
        address &= ~3
        window = self.window(address)
        if not whole:
            return SLVERR
        if address == regs.REG_CONTROL:
            if data & ~1:
                return SLVERR
            if data and not self.legal():
                self.word[regs.REG_STATUS] |= 8
                return SLVERR
            self.word[address], self.enabled = data, data == 1
            return OKAY
        if self.enabled:
            return SLVERR
        if window:
            _, unit, bits, signed = WINDOWS[window]
            if unit == 8 and address % 8 == 0:
                self.low = data
                return OKAY
            value = (data << 32 | self.low if unit == 8 else data) & ((1 << bits) - 1)
            if signed and value >> (bits - 1):
                value -= 1 << bits
            if unit == 8:
                self.word[address - 4], self.word[address] = value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF
            else:
                self.word[address] = value & 0xFFFFFFFF
            return OKAY
        if address not in self.mask or address in self.read_only or data & ~self.mask[address]:
            return SLVERR
        if address == regs.REG_CLEAR_COUNTERS:
            if data & 1:
                self.word[regs.REG_STATUS] = 0
        else:
            self.word[address] = data
        return OKAY

    def legal(self):
        return all(low <= self.word[address] >> lsb & ((1 << width) - 1) <= high for address, lsb, width, low, high in RANGES)

    def read(self, address):
        """(response, word)."""
        address &= ~3
        if self.window(address):
            return (SLVERR, 0) if self.enabled else (OKAY, self.word[address])
        if address == regs.REG_CLEAR_COUNTERS:
            return OKAY, 0
        return (OKAY, self.word[address]) if address in self.mask else (SLVERR, 0)


def window_words():
    for base, entry in WINDOWS.items():
        yield from range(base, base + entry[0], 4)


def some_address():
    kind = NUMBERS.randrange(10)
    if kind < 4:
        address = NUMBERS.choice(list(regs.REGISTERS.values()))[0]
        if kind == 0:
            address ^= 1 << NUMBERS.randrange(2, regs.AXIL_ADDR_BITS)
        return address
    if kind == 9:
        return NUMBERS.randrange(0, 1 << regs.AXIL_ADDR_BITS, 4)
    base = NUMBERS.choice(list(WINDOWS))
    size = WINDOWS[base][0]
    return base + 4 * NUMBERS.randrange(4) if kind < 7 else base + NUMBERS.randrange(0, size + 16, 4)


def some_data(unit, address):
    data = NUMBERS.getrandbits(32)
    if address == regs.REG_CONTROL:
        return NUMBERS.choice([0, 0, 0, 0, 1, data])
    if address in unit.mask and NUMBERS.random() < 0.8:
        data &= unit.mask[address]
        for register, lsb, width, low, high in RANGES:
            if register == address:
                data = data & ~(((1 << width) - 1) << lsb) | NUMBERS.randint(low, high) << lsb
    return data


def pauses():
    """Gaps of 0 to 9 cycles, or none for a while."""
    while True:
        for _ in range(NUMBERS.randrange(60)):
            yield False
        for _ in range(NUMBERS.randrange(20)):
            for _ in range(NUMBERS.randrange(10)):
                yield True
            yield False


async def start(dut):
    logging.getLogger("cocotb").setLevel(logging.WARNING)
    for name in ("s_axis_tdata", "s_axis_tvalid", "s_axis_tuser", "s_axis_tlast", "m_axis_tready"):
        getattr(dut, name).value = 0
    cocotb.start_soon(Clock(dut.clk_i, 10, "ns").start())
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i, dut.rst_ni, reset_active_level=False)
    dut.rst_ni.value = 0
    for _ in range(3):
        await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    await RisingEdge(dut.clk_i)
    return master


@cocotb.test()
async def pairs(dut):
    """A write and a read at a time, thousands of times, with gaps on all five channels."""
    master, unit = await start(dut), Unit()
    for channel in (master.write_if.aw_channel, master.write_if.w_channel, master.write_if.b_channel, master.read_if.ar_channel,
                    master.read_if.r_channel):
        channel.set_pause_generator(pauses())
    compared = taken = refused = 0
    for address in window_words():  # memories are unknown until they are written
        data = NUMBERS.getrandbits(32)
        assert unit.write(address, data, True) == (await master.write(address, data.to_bytes(4, "little"))).resp
    for _ in range(4000):
        address, size, skip = some_address(), 4, 0
        if NUMBERS.random() < 0.1:
            skip = NUMBERS.randrange(4)
            size = NUMBERS.randrange(1, 5 - skip)
        data = some_data(unit, address)
        read_address = NUMBERS.choice([address, address ^ 4, some_address(), some_address()])  # the word, its neighbour, any
        before = unit.read(read_address)
        want = unit.write(address, data, size == 4)
        after = unit.read(read_address)
        write = cocotb.start_soon(master.write(address + skip, data.to_bytes(4, "little")[skip:skip + size]))
        read = cocotb.start_soon(master.read(read_address, 4))
        written, got = await write, await read
        assert written.resp == want, f"write {data:#x} to {address + skip:#x}: {written.resp}, expected {want}"
        word = int.from_bytes(got.data, "little")
        assert (got.resp, word) in (before, after), f"read {read_address:#x} beside a write to {address:#x}: {got.resp} {word:#x}, expected {before} or {after}"
        compared += 2
        taken += want == OKAY
        refused += want == SLVERR
    for address in sorted(unit.word):
        resp, value = unit.read(address)
        got = await master.read(address, 4)
        assert got.resp == resp and value == int.from_bytes(got.data, "little"), f"at the end: {address:#x}"
        compared += 1
    assert taken > 500 and refused > 500
    dut._log.warning("%d answers compared; %d writes taken, %d refused", compared, taken, refused)
