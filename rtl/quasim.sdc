# Constraints of quasim_top for synthesis and static timing: one clock, its two streams and its bus, the registers that stand still.
#
# Set quasim_period (in the time unit of the first library read) before this file is read; quasim_io_share is the part of the
# period that belongs to the outside at every port, 0.3 unless it is set.
# Names: flip-flops are found by the instance they lie in, u_regs and u_settings, in hierarchical and in flattened netlists.
# quasim ppa reads this file.

if {![info exists quasim_period]} { error "quasim.sdc: set quasim_period first" }
if {![info exists quasim_io_share]} { set quasim_io_share 0.3 }

create_clock -name clk -period $quasim_period [get_ports clk_i]

# Reset is asynchronous; whoever releases it does so in step with the clock.
set_false_path -from [get_ports rst_ni]

set quasim_io_delay [expr {$quasim_period * $quasim_io_share}]
set quasim_inputs {}
foreach quasim_port [all_inputs] {
  if {[lsearch -exact {clk_i rst_ni} [get_property $quasim_port full_name]] < 0} { lappend quasim_inputs $quasim_port }
}
set_input_delay $quasim_io_delay -clock clk $quasim_inputs
set_output_delay $quasim_io_delay -clock clk [all_outputs]

# What a layer is configured by can change only while the unit is disabled and empty, and the write that enables it executes two
# cycles later at the earliest: on its way into lanes, tables and sequencer it has two cycles. Not so Control.Enable, ClearCounters
# and Status, and not the way to u_settings and to the bus, which look in the next cycle.
proc quasim_registers {pattern} {
  set found {}
  foreach cell [get_cells -hierarchical $pattern] {
    if {![regexp {control_enable|clear_counters|status_} [get_property $cell full_name]]} { lappend found $cell }
  }
  if {[llength $found] == 0} { error "quasim.sdc: no flip-flop is called $pattern" }
  return $found
}
set quasim_fields [quasim_registers u_regs*_q*]
set quasim_settings [quasim_registers u_settings*_q*]
set quasim_datapath [concat [quasim_registers gen_lane*_q*] [quasim_registers u_silu*_q*]]
set_multicycle_path 2 -setup -from $quasim_fields -to $quasim_datapath
set_multicycle_path 1 -hold -from $quasim_fields -to $quasim_datapath
set_multicycle_path 2 -setup -from $quasim_settings
set_multicycle_path 1 -hold -from $quasim_settings
