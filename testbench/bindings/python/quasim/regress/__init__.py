"""Random sequences by the thousand through the RTL and its behavioural model, on one machine or many.

The bench is testbench/tests/rtl/quasim_smoke_tb.sv, compiled by Verilator; `quasim regress --help` has the rest.
"""
