import pytest

from jaxvae.evaluate.torch_files import read_tensors

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("zipped", [True, False])
def test_what_pytorch_saves_is_read(tmp_path, zipped):
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    torch.save(net.state_dict(), tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    actual = read_tensors(tmp_path / "w.pth")
    assert [name for name, _ in actual] == list(net.state_dict())
    for name, array in actual:
        assert (array == net.state_dict()[name].numpy()).all()
