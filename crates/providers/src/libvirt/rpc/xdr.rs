//! XDR (RFC 4506): big-endian, every value padded to a multiple of 4 bytes. Only the types that libvirt's calls use.

/// Most bytes of a string. libvirt's own limit.
const STRING_LIMIT: usize = 4 << 20;

/// Bytes that violate the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::libvirt) enum DecodeError {
    /// The bytes end inside a value.
    #[error("ends inside a value")]
    Truncated,
    /// Bytes follow the last value.
    #[error("has {0} bytes after its last value")]
    Trailing(usize),
    /// A length exceeds its limit, or the bytes that are left.
    #[error("claims a length of {length}, where at most {limit} is possible")]
    TooLong {
        /// The claim.
        length: usize,
        /// The maximum.
        limit: usize,
    },
    /// An enumeration has no such value.
    #[error("has {value} as its {field}")]
    UnknownValue {
        /// The enumeration.
        field: &'static str,
        /// The value.
        value: u32,
    },
}

/// A value that can be appended to a message.
pub(super) trait Encode {
    /// Appends the value.
    fn encode(&self, out: &mut Vec<u8>);

    /// The value alone.
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// A value that can be read from a message.
pub(super) trait Decode: Sized {
    /// Reads the value and moves the reader past it.
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError>;

    /// Reads the only value of a message.
    fn decode_all(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = XdrReader(bytes);
        let value = Self::decode(&mut reader)?;
        match reader.0.len() {
            0 => Ok(value),
            left => Err(DecodeError::Trailing(left)),
        }
    }
}

/// The bytes of a message that are not read yet.
pub(super) struct XdrReader<'a>(&'a [u8]);

impl<'a> XdrReader<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A length. Fails if it exceeds the limit that applies to the bytes after it.
    fn length(&mut self, limit: impl FnOnce(usize) -> usize) -> Result<usize, DecodeError> {
        let length = u32::decode(self)? as usize;
        let limit = limit(self.0.len());
        if length > limit { Err(DecodeError::TooLong { length, limit }) } else { Ok(length) }
    }
}

/// Zero bytes that follow `length` bytes.
fn padding(length: usize) -> usize {
    length.next_multiple_of(4) - length
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Encode for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend(self.to_be_bytes());
            }
        }

        impl Decode for $type {
            fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(from.take(size_of::<Self>())?);
                Ok(Self::from_be_bytes(bytes))
            }
        }
    )*};
}

number!(u32, i32, u64);

impl Encode for str {
    fn encode(&self, out: &mut Vec<u8>) {
        // The daemon rejects strings longer than its own limit, which is far below this.
        u32::try_from(self.len()).unwrap_or(u32::MAX).encode(out);
        out.extend(self.as_bytes());
        out.extend(&[0; 3][..padding(self.len())]);
    }
}

impl Encode for String {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_str().encode(out);
    }
}

/// Bytes that are not UTF-8 are replaced: libvirt quotes file names and what QEMU printed.
impl Decode for String {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let length = from.length(|_| STRING_LIMIT)?;
        let text = Self::from_utf8_lossy(from.take(length)?).into_owned();
        from.take(padding(length))?;
        Ok(text)
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self);
        out.extend(&[0; 3][..padding(N)]);
    }
}

impl<const N: usize> Decode for [u8; N] {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(from.take(N)?);
        from.take(padding(N))?;
        Ok(bytes)
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        u32::from(self.is_some()).encode(out);
        if let Some(value) = self {
            value.encode(out);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        match u32::decode(from)? {
            0 => Ok(None),
            1 => T::decode(from).map(Some),
            value => Err(DecodeError::UnknownValue { field: "optional value's presence", value }),
        }
    }
}

/// A list. Its length is bounded by the bytes that are left, as every element takes 4 at least: nothing is allocated for
/// elements that the message can't hold.
impl<T: Decode> Decode for Vec<T> {
    fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        let length = from.length(|bytes| bytes / 4)?;
        (0..length).map(|_| T::decode(from)).collect()
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len()).unwrap_or(u32::MAX).encode(out);
        for value in self {
            value.encode(out);
        }
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

impl Encode for () {
    fn encode(&self, _out: &mut Vec<u8>) {}
}

impl Decode for () {
    fn decode(_from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

macro_rules! tuple {
    ($($type:ident $name:ident),*) => {
        impl<$($type: Encode),*> Encode for ($($type,)*) {
            fn encode(&self, out: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.encode(out);)*
            }
        }

        impl<$($type: Decode),*> Decode for ($($type,)*) {
            fn decode(from: &mut XdrReader<'_>) -> Result<Self, DecodeError> {
                Ok(($($type::decode(from)?,)*))
            }
        }
    };
}

tuple!(A a);
tuple!(A a, B b);
tuple!(A a, B b, C c);
tuple!(A a, B b, C c, D d);
tuple!(A a, B b, C c, D d, E e);
tuple!(A a, B b, C c, D d, E e, F f);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn layout_is_rfc_4506() {
        assert_eq!(("ab", 7_u32).encoded(), *b"\0\0\0\x02ab\0\0\0\0\0\x07");
        assert_eq!((-1_i32, 1_u64).encoded(), *b"\xff\xff\xff\xff\0\0\0\0\0\0\0\x01");
        assert_eq!((Some("abcd"), None::<u32>).encoded(), *b"\0\0\0\x01\0\0\0\x04abcd\0\0\0\0");
        assert_eq!(().encoded(), *b"");
        assert_eq!([1_u32, 2].as_slice().encoded(), *b"\0\0\0\x02\0\0\0\x01\0\0\0\x02");
    }

    #[test]
    fn lengths_are_checked_before_anything_is_allocated() {
        let huge = b"\xff\xff\xff\xff";
        let too_long = |limit| DecodeError::TooLong { length: 0xffff_ffff, limit };
        assert_eq!(String::decode_all(huge), Err(too_long(STRING_LIMIT)));
        assert_eq!(Vec::<u32>::decode_all(huge), Err(too_long(0)));
        assert_eq!(Vec::<()>::decode_all(huge), Err(too_long(0)));
    }

    #[test]
    fn strings_that_are_not_utf_8_are_repaired() {
        assert_eq!(String::decode_all(b"\0\0\0\x01\xff\0\0\0").unwrap(), "\u{fffd}");
    }

    #[test]
    fn presence_is_0_or_1() {
        let error = Option::<u32>::decode_all(b"\0\0\0\x02\0\0\0\0").unwrap_err();
        assert!(matches!(error, DecodeError::UnknownValue { value: 2, .. }));
    }

    type Everything = (u32, i32, u64, String, Option<String>, (Vec<(String, [u8; 16], i32)>, [u8; 5]));

    fn everything() -> impl Strategy<Value = Everything> {
        let list = prop::collection::vec((".*", any::<[u8; 16]>(), any::<i32>()), 0..4);
        (any::<u32>(), any::<i32>(), any::<u64>(), ".*", prop::option::of(".*"), (list, any::<[u8; 5]>()))
    }

    fn encode((a, b, c, d, e, (list, opaque)): &Everything) -> Vec<u8> {
        (a, b, c, d, e.as_ref(), (list.as_slice(), opaque)).encoded()
    }

    proptest! {
        #[test]
        fn values_survive_a_round_trip(value in everything()) {
            let bytes = encode(&value);
            prop_assert_eq!(bytes.len() % 4, 0);
            prop_assert_eq!(Everything::decode_all(&bytes), Ok(value));
        }

        #[test]
        fn a_cut_message_is_an_error(value in everything(), at in any::<prop::sample::Index>()) {
            let bytes = encode(&value);
            let cut = at.index(bytes.len());
            prop_assert!(Everything::decode_all(&bytes[..cut]).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = Everything::decode_all(&bytes);
        }

        #[test]
        fn bytes_after_the_last_value_are_an_error(value in everything(), extra in 1..9_usize) {
            let mut bytes = encode(&value);
            bytes.resize(bytes.len() + extra, 0);
            prop_assert_eq!(Everything::decode_all(&bytes), Err(DecodeError::Trailing(extra)));
        }
    }
}
