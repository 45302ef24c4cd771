import pytest
from shop.mail import Mailbox


@pytest.mark.parametrize("kind", ["welcome", "bill", "reminder", "thanks", "goodbye"])
def test_mail_arrives(kind):
    box = Mailbox()
    box.send(kind)
    assert box.wait_for(1) == [kind]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_many_mails(count):
    box = Mailbox()
    for i in range(count):
        box.send(i)
    assert sorted(box.wait_for(count)) == list(range(count))


def test_newsletter():
    box = Mailbox(delay=0.02)
    box.send("newsletter")
    assert box.wait_for(1)


def test_order_confirmation():
    box = Mailbox(delay=0.001)
    box.send("order 17")
    assert box.wait_for(1)[0].endswith("17")


def test_empty_box():
    assert Mailbox().wait_for(0) == []
