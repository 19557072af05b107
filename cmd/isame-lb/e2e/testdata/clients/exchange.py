"""What the clients in Python have in common."""
import sys
import time

PAUSE = 0.05
TIMEOUT = 20
URL = "http://" + sys.argv[1] + "/"


def report(status, body):
    print("ok" if status == 200 and body == b"fine" else "got %s %r" % (status, body), flush=True)


def failed(e):
    print("failed: %r" % e, flush=True)


def forever(one):
    """Calls one with the method and the body of each exchange."""
    while True:
        for method, body in (("GET", None), ("POST", b"content")):
            try:
                report(*one(method, body))
            except Exception as e:
                failed(e)
            time.sleep(PAUSE)
