import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from harness.blame.groups import LEAST, grouped, worst
from harness.blame.result import LayerError


@dataclass
class Row:
    unit: str
    module: str
    node: str


rows = st.lists(
    st.builds(
        Row, st.sampled_from(["CPU", "KPU"]), st.sampled_from("ab"), st.sampled_from(["", "n", "m"])
    ),
    max_size=20,
)


@given(rows, st.integers(0, 20))
def test_groups_are_neighbours_of_one_node_and_lose_none(given_rows, alone):
    single = given_rows[alone : alone + 1]
    found = grouped(given_rows, lambda row: any(row is one for one in single))
    assert [row for group in found for row in group] == given_rows
    for group in found:
        if len(group) > 1:
            assert len(group) >= LEAST
            assert {(row.unit, row.module, row.node) for row in group} == {
                ("CPU", group[0].module, group[0].node)
            }
            assert group[0].node
            assert not any(row is one for row in group for one in single)


def test_sixty_operations_of_a_normalisation_are_one():
    norm = [Row("CPU", "3", "/3/InstanceNormalization") for _ in range(61)]
    found = grouped(
        [Row("KPU", "2", "/2/Conv"), *norm, Row("CPU", "4", "/4/Relu")], lambda _: False
    )
    assert [len(group) for group in found] == [1, 61, 1]


def test_the_worst_error_is_no_number_before_any():
    def error(snr_db):
        return LayerError(snr_db, 1.0, 0.0, 0.0)

    several = [{"kpu": error(None)}, {"kpu": error(40.0)}, {"kpu": error(-math.inf)}]
    assert worst(several)["kpu"].snr_db == -math.inf
    assert math.isnan(worst([*several, {"kpu": error(math.nan)}])["kpu"].snr_db)
    assert worst(several[:1])["kpu"].snr_db is None
