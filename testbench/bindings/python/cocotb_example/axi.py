"""The three interfaces of quasim_top as coroutines. Pins change right after a rising edge and are read right before one."""

from cocotb.triggers import ReadOnly, RisingEdge

OKAY = 0


class AxiLite:
    """AXI4-Lite master on s_axil_*."""

    def __init__(self, dut):
        self.dut = dut
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready", "awprot", "arprot", "awaddr", "araddr", "wdata"):
            self.pin(name).value = 0
        self.pin("wstrb").value = 0xF

    def pin(self, name):
        return getattr(self.dut, "s_axil_" + name)

    async def handshake(self, valid, ready):
        """One transfer on a channel that this side sends."""
        self.pin(valid).value = 1
        while True:
            await ReadOnly()
            taken = self.pin(ready).value == 1
            await RisingEdge(self.dut.clk_i)
            if taken:
                self.pin(valid).value = 0
                return

    async def response(self, valid, ready):
        """Waits for the unit's answer, takes it, and returns the two pins that `valid` qualifies."""
        self.pin(ready).value = 1
        while True:
            await ReadOnly()
            came = self.pin(valid).value == 1
            answer = int(self.pin(valid[0] + "resp").value) if came else None
            data = int(self.pin("rdata").value) if came and valid == "rvalid" else None
            await RisingEdge(self.dut.clk_i)
            if came:
                self.pin(ready).value = 0
                return answer, data

    async def write(self, address, data):
        self.pin("awaddr").value = address
        self.pin("wdata").value = data
        await self.handshake("awvalid", "awready")
        await self.handshake("wvalid", "wready")
        answer, _ = await self.response("bvalid", "bready")
        assert answer == OKAY, f"write to {address:#x} answered {answer}"

    async def read(self, address):
        self.pin("araddr").value = address
        await self.handshake("arvalid", "arready")
        answer, data = await self.response("rvalid", "rready")
        assert answer == OKAY, f"read of {address:#x} answered {answer}"
        return data


async def drive_stream(dut, beats, marks, random, stall):
    """Sends int8 [beats, lanes] on s_axis, pausing with probability `stall` before a beat."""
    for data, user, last in zip(beats, marks["tuser"], marks["tlast"]):
        while random.random() < stall:
            dut.s_axis_tvalid.value = 0
            await RisingEdge(dut.clk_i)
        dut.s_axis_tdata.value = int.from_bytes(data.tobytes(), "little")
        dut.s_axis_tuser.value = int(user)
        dut.s_axis_tlast.value = int(last)
        dut.s_axis_tvalid.value = 1
        taken = False
        while not taken:
            await ReadOnly()
            taken = dut.s_axis_tready.value == 1
            await RisingEdge(dut.clk_i)
    dut.s_axis_tvalid.value = 0


async def take_stream(dut, count, random, stall):
    """Takes `count` beats from m_axis, not ready with probability `stall`; returns (tdata, tkeep, tlast) of each."""
    beats = []
    while len(beats) < count:
        dut.m_axis_tready.value = int(random.random() >= stall)
        await ReadOnly()
        if dut.m_axis_tvalid.value == 1 and dut.m_axis_tready.value == 1:
            beats.append(
                (int(dut.m_axis_tdata.value), int(dut.m_axis_tkeep.value), int(dut.m_axis_tlast.value))
            )
        await RisingEdge(dut.clk_i)
    dut.m_axis_tready.value = 0
    return beats
