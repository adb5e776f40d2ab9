"""cocotb testbench of quasim_top with the package quasim as its reference. Run it with run.py."""

import os
import random

import cocotb
import numpy as np
import quasim
from axi import AxiLite, drive_stream, take_stream
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from quasim import registers

LANES = int(os.environ["QUASIM_LANES"])
LAYER = os.environ["QUASIM_LAYER"]
FLIP = int(os.environ.get("QUASIM_FLIP", "-1"), 0)  # planted fault: bit 0 of what is written to this address is flipped


async def start(dut):
    """Clock and reset; returns the configuration master."""
    for name in ("tdata", "tvalid", "tuser", "tlast"):
        getattr(dut, "s_axis_" + name).value = 0
    dut.m_axis_tready.value = 0
    axil = AxiLite(dut)
    dut.rst_ni.value = 0
    cocotb.start_soon(Clock(dut.clk_i, 10, "ns").start())
    for _ in range(3):
        await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    await RisingEdge(dut.clk_i)
    return axil


async def idle(axil):
    busy = registers.FIELD["Status", "Busy"]
    while busy.of(await axil.read(registers.OFFSET["Status"])):
        pass


async def load(axil, program):
    assert await axil.read(registers.OFFSET["Id"]) == registers.ID_WORD
    assert await axil.read(registers.OFFSET["Version"]) == registers.VERSION_WORD
    for number, (address, data) in enumerate(program.axil_writes()):
        await axil.write(address, data ^ 1 if address == FLIP else data)
        if number == 0:
            await idle(axil)


async def stream(dut, x, numbers, stall):
    """Sends x through the unit and returns what came out, int8 [B, C, L]."""
    beats, marks = quasim.encode_beats(x, LANES), quasim.beat_marks(x.shape, LANES)
    cocotb.start_soon(drive_stream(dut, beats, marks, numbers, stall))
    taken = await take_stream(dut, len(beats), numbers, stall)
    for number, (_, keep, last) in enumerate(taken):
        assert keep == (1 << int(marks["live_lanes"][number])) - 1, f"tkeep of beat {number}"
        assert last == int(marks["tlast"][number]), f"tlast of beat {number}"
    data = b"".join(word.to_bytes(LANES, "little") for word, _, _ in taken)
    return quasim.decode_beats(np.frombuffer(data, dtype=np.int8).reshape(-1, LANES), x.shape)


def compare(dut, got, want):
    differing = int(np.count_nonzero(got != want))
    dut._log.info("%d outputs compared, %d differ", want.size, differing)
    assert want.size > 0 and differing == 0, f"{differing} of {want.size} outputs differ"


def pieces(x, count=2, length=6):
    """`count` pieces of the first sequence of int8 [B, C, L], spread over it, as sequences of their own; any L."""
    length = min(length, x.shape[2])
    starts = [(number + 1) * (x.shape[2] - length) // (count + 1) for number in range(count)]
    return np.concatenate([x[:1, :, start : start + length] for start in starts])


@cocotb.test()
async def real_layer(dut):
    """The real layer: two pieces of its input, and what the counters and the histories say afterwards."""
    bundle = quasim.read_bundle(LAYER)
    model = quasim.Model(quasim.compile(bundle).program)
    axil = await start(dut)
    await load(axil, model.program)
    x = pieces(bundle.input)
    got = await stream(dut, x, random.Random(1), 0.25)
    compare(dut, got, model.run(x)["out"])

    await axil.write(registers.OFFSET["Control"], 0)
    await idle(axil)
    beats = quasim.encode_beats(x, LANES).shape[0]
    assert await axil.read(registers.OFFSET["BeatsInLo"]) == beats
    assert await axil.read(registers.OFFSET["BeatsOutLo"]) == beats
    shown = min(32, model.program.channels)
    history = [await axil.read(registers.WINDOW["History"].base + 4 * channel) for channel in range(shown)]
    want = model.history[:shown].astype(np.uint8).astype(np.uint32)
    assert history == list(want[:, 0] | want[:, 1] << 8 | want[:, 2] << 16)


@cocotb.test()
async def random_samples(dut):
    """Random samples with the layer's program, at full rate and with most cycles stalled."""
    model = quasim.Model(quasim.open_program(LAYER))
    axil = await start(dut)
    await load(axil, model.program)
    generator = np.random.default_rng(2)
    for stall in (0.0, 0.6):
        x = generator.integers(-128, 128, (2, model.program.channels, 3), dtype=np.int8)
        compare(dut, await stream(dut, x, random.Random(3), stall), model.run(x)["out"])
