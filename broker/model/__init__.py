"""Messages, exchanges, cases, legs and clocks: pure values and rules, no input or output."""
