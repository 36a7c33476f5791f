"""Each test of the suite is told apart: those that pass alone pass, one fails, one crashes.

check.py TEST_RUNNER SUITE.py
"""
import subprocess
import sys

out = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=120)
print(out.stdout, out.stderr)
assert out.returncode == 1
lines = out.stdout.splitlines()
passed = [line.split()[1] for line in lines if line.startswith("passed")]
failed = [line.split()[1] for line in lines if line.startswith("FAILED")]
assert passed == ["test_money_is_not_made", "test_accounts_can_be_closed", "test_an_order_is_a_file",
                  "test_no_order_is_left_over"]
assert failed == ["test_that_fails", "test_that_crashes"]
assert "        exit status 1: the sum is not 1" in lines
assert any(line.startswith("        exit status 134") for line in lines)
assert lines[-1] == "2 failed"
