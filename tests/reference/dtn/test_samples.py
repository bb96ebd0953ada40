"""The sample folder is what `--data` takes, and none of what the shipped weights know of S."""

from __future__ import annotations

import numpy as np
import pytest

from reference.dtn import samples
from reference.dtn.data import load_domains, sample_domains
from reference.dtn.samples import write_samples


def test_samples_are_read_back_to_the_bit(tmp_path):
    write_samples(tmp_path, 60)
    domains = load_domains(tmp_path)
    assert domains.classes == tuple("0123456789")
    assert len(domains.source) + len(domains.source_test) == 60
    assert len(domains.target) + len(domains.target_test) == 60
    known = sample_domains(40, 40)
    seen = {image.tobytes() for image in (*known.source.images, *known.source_test.images)}
    assert not seen & {image.tobytes() for image in domains.source.images}


@pytest.mark.parametrize("count", [3, 12, 20])
def test_few_samples_have_no_class_in_t_that_s_lacks(tmp_path, count):
    write_samples(tmp_path, count)
    domains = load_domains(tmp_path)
    assert len(domains.source) + len(domains.source_test) == count
    assert len(domains.target) + len(domains.target_test) == count


def test_too_few_samples_are_not_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["samples", str(tmp_path / "mine"), "--count", "2"])
    with pytest.raises(SystemExit):
        samples.main()
    assert "DTN wants at least 3" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_samples_of_t_are_real_digits_that_are_not_on_the_walls_of_s(tmp_path):
    write_samples(tmp_path, 30)
    domains, known = load_domains(tmp_path), sample_domains(40, 40)
    whole = known.judge_target, known.target_test
    real = np.concatenate([side.images for side in whole]).astype(float)
    for image in (*domains.target.images, *domains.target_test.images):
        # Enlarged once more by the reader's own arithmetic: equal but for rounding.
        assert np.abs(real - image).mean(axis=(1, 2, 3)).min() < 1.5
