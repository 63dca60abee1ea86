"""The tests, and what they share in tests/support."""

import pytest

# What it asserts is told in full, as it is in the tests.
pytest.register_assert_rewrite("tests.support")
