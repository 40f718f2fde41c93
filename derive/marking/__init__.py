"""The verdict on every claim of a sheet, with its evidence."""
