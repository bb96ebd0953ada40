# Which function a pin has.
from Maix import FPIOA


class fm:
    fpioa = FPIOA()

    @staticmethod
    def register(pin, function, force=True):
        fm.fpioa.set_function(pin, function)

    @staticmethod
    def unregister(pin):
        fm.fpioa.set_function(pin, FPIOA.RESV0)

    @staticmethod
    def get_pin_by_function(function):
        return fm.fpioa.get_Pin_num(function)
