//! Which connection a STUN request is for: the first half of its USERNAME is our `ice-ufrag` (RFC 8445, section 7.2.2).

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const USERNAME: u16 = 0x0006;

/// Our `ufrag` in a STUN message that names one.
pub(super) fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    let is_stun = datagram.len() >= HEADER && datagram[0] < 4 && datagram[4..8] == MAGIC_COOKIE;
    if !is_stun {
        return None;
    }
    let mut rest = &datagram[HEADER..];
    while let [type_high, type_low, high, low, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if u16::from_be_bytes([type_high, type_low]) == USERNAME {
            let name = std::str::from_utf8(rest.get(4..4 + length)?).ok()?;
            return name.split(':').next();
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(attributes: &[u8]) -> Vec<u8> {
        let mut message = vec![0, 1, 0, attributes.len() as u8];
        message.extend(MAGIC_COOKIE);
        message.extend([7; 12]);
        message.extend(attributes);
        message
    }

    #[test]
    fn the_first_half_of_the_username_is_found_behind_other_attributes() {
        let attributes = [
            &[0x80, 0x22, 0, 3, b'a', b'b', b'c', 0, 0, 6, 0, 9][..],
            b"ours:them",
        ]
        .concat();
        assert_eq!(local_ufrag(&message(&attributes)), Some("ours"));
        assert_eq!(local_ufrag(&message(&attributes[..16])), None, "cut off");
        assert_eq!(local_ufrag(&message(&[])), None);
        assert_eq!(local_ufrag(&[0x80; 40]), None, "RTP");
    }

    proptest! {
        #[test]
        fn no_bytes_can_upset_it(attributes in prop::collection::vec(any::<u8>(), 0..200), raw: Vec<u8>) {
            let _ = local_ufrag(&message(&attributes));
            let _ = local_ufrag(&raw);
        }
    }
}
