"""Real servers for tests: processes of the test on loopback ports, with all they write in a directory of their own.

`with redis() as server:` and the like give a `ServerProcess` that answers. Who lacks the program is skipped. The tests
beside them ask each kind of check of the kind of server that it is made for.
"""
