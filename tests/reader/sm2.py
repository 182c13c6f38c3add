"""SM2 signatures (GB/T 32918.2, curve of GB/T 32918.5) verified with whole numbers alone."""
import hashlib

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
     0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0)
IDENTITY = b'1234567812345678'


def _double(point):
    x, y, z = point
    if y == 0:
        return 0, 1, 0
    zz = z * z % P
    slope = 3 * (x - zz) * (x + zz) % P  # a = -3
    yy = y * y % P
    s = 4 * x * yy % P
    x3 = (slope * slope - 2 * s) % P
    return x3, (slope * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(point, affine):
    """Jacobian plus affine."""
    x1, y1, z1 = point
    x2, y2 = affine
    if z1 == 0:
        return x2, y2, 1
    zz = z1 * z1 % P
    h = (x2 * zz - x1) % P
    r = (y2 * zz * z1 - y1) % P
    if h == 0:
        return _double(point) if r == 0 else (0, 1, 0)
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - y1 * hhh) % P, h * z1 % P


def _affine(point):
    x, y, z = point
    inverse = pow(z, -1, P)
    return x * inverse * inverse % P, y * inverse * inverse * inverse % P


def _integers(der):
    """The two integers of a DER SEQUENCE, strictly."""
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2 or der[1] >= 128:
        raise ValueError('not a signature')
    values, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        body = der[at + 2:at + 2 + length]
        if der[at] != 2 or len(body) != length or length == 0 or body[0] & 0x80:
            raise ValueError('not a signature')
        values.append(int.from_bytes(body, 'big'))
        at += 2 + length
    if at != len(der):
        raise ValueError('not a signature')
    return values


class PublicKey:
    def __init__(self, subject_public_key_info):
        point = subject_public_key_info[-65:]
        if point[0] != 4:
            raise ValueError('not an uncompressed point')
        self.point = int.from_bytes(point[1:33], 'big'), int.from_bytes(point[33:], 'big')
        x, y = self.point
        if (y * y - x * x * x - A * x - B) % P:
            raise ValueError('not on the curve')
        self.sum = _affine(_add((*G, 1), self.point))
        parts = [(8 * len(IDENTITY)).to_bytes(2, 'big'), IDENTITY]
        parts += [value.to_bytes(32, 'big') for value in (A, B, *G, x, y)]
        self.z = hashlib.new('sm3', b''.join(parts)).digest()

    def verify(self, message, signature):
        try:
            r, s = _integers(signature)
        except (ValueError, IndexError):
            return False
        t = (r + s) % N
        if not (0 < r < N and 0 < s < N and t):
            return False
        point = (0, 1, 0)
        for bit in range(255, -1, -1):  # s*G + t*P, both at once
            point = _double(point)
            which = (s >> bit & 1) + 2 * (t >> bit & 1)
            if which:
                point = _add(point, (None, G, self.point, self.sum)[which])
        if point[2] == 0:
            return False
        e = int.from_bytes(hashlib.new('sm3', self.z + message).digest(), 'big')
        return (e + _affine(point)[0]) % N == r
