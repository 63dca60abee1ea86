"""Every payment rule that can be seen through the API."""

import pytest

pytest.register_assert_rewrite("tests.rules.looking", "tests.rules.waiting")
