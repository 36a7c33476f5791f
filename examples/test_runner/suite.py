"""A test suite with a dear set-up, whose tests leave everything in disorder.

Set up, it prints the names of its tests and reads which one to run: it runs one, and is not used again.
"""
import os
import sqlite3
import sys

database = sqlite3.connect(":memory:")
database.execute("create table account (number integer primary key, balance integer)")
database.executemany("insert into account values (?, ?)", ((n, 100) for n in range(20000)))
os.mkdir("/tmp/orders")


def total():
    return database.execute("select sum(balance) from account").fetchone()[0]


def test_money_is_not_made():
    database.execute("update account set balance = balance - 30 where number = 1")
    database.execute("update account set balance = balance + 30 where number = 2")
    assert total() == 2000000


def test_accounts_can_be_closed():
    assert total() == 2000000
    database.execute("delete from account")
    assert total() is None


def test_an_order_is_a_file():
    open("/tmp/orders/1", "w").close()
    assert os.listdir("/tmp/orders") == ["1"]


def test_no_order_is_left_over():
    assert os.listdir("/tmp/orders") == []


def test_that_fails():
    assert total() == 1, "the sum is not 1"


def test_that_crashes():
    os.abort()


tests = {name: function for name, function in globals().items() if name.startswith("test_")}
print(*tests, flush=True)
name = sys.stdin.readline().strip()
try:
    tests[name]()
except AssertionError as failure:
    print(failure)
    sys.exit(1)
