"""The execution of operations: their fields, the size of an answer, and its turns."""
