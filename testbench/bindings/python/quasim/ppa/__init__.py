"""What the unit costs as a netlist: area, delay, memories, energy, FPGA resources. The standard library and open tools.

Post-synthesis: cells of a liberty file, an ideal clock, no wires and no placement. `quasim ppa --help` has the rest.
"""
