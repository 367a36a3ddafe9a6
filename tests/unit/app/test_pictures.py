import cv2
import numpy as np
import pytest

from app.pictures import write_picture
from core.errors import MediaError


def test_colours_come_back(tmp_path):
    rgb = np.zeros((4, 5, 3), np.uint8)
    rgb[..., 0] = 200
    write_picture(tmp_path / "red.png", rgb)
    assert np.array_equal(cv2.imread(str(tmp_path / "red.png"))[..., ::-1], rgb)


@pytest.mark.parametrize("name", ["x", "x.txt", "missing/x.png"])
def test_refusals_leave_nothing(tmp_path, name):
    with pytest.raises(MediaError):
        write_picture(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
