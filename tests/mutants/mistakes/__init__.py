"""The rows of the table, by what they are about; `tests.mutants.table` joins them."""
