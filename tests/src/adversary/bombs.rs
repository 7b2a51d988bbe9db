//! Bytes that are small and claim to be large, deep or twofold: CBOR and COSE as no honest room writes them.

/// Each with its name.
pub fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let signed = |protected: &[u8], payload: &[u8]| {
        // COSE_Sign1 = [protected: bstr, unprotected: {}, payload: bstr, signature: bstr]
        let mut bytes = vec![0xd2, 0x84];
        for part in [protected, &[][..], payload, &[7; 64][..]].iter().enumerate() {
            match part {
                (1, _) => bytes.push(0xa0),
                (_, part) => {
                    bytes.push(0x59);
                    bytes.extend(u16::try_from(part.len()).expect("they are small").to_be_bytes());
                    bytes.extend_from_slice(part);
                }
            }
        }
        bytes
    };
    let text_key_twice = [0xa2, 0x61, b'a', 0x01, 0x61, b'a', 0x02];
    vec![
        ("nothing at all", vec![]),
        ("an array of 2^64-1 items", [&[0x9b][..], &[0xff; 8]].concat()),
        ("a byte string of 2^64-1 bytes", [&[0xd2, 0x84, 0x5b][..], &[0xff; 8]].concat()),
        ("arrays in arrays, 3,000 deep", vec![0x81; 3_000]),
        ("tags on tags, 3,000 deep", vec![0xd2; 3_000]),
        ("an array without an end", [&[0xd2][..], &[0x9f; 2_000]].concat()),
        ("an unknown algorithm", signed(&[0xa1, 0x01, 0x18, 0x63], &[0xa0])),
        ("an empty protected header", signed(&[], &[0xa0])),
        ("a key of the payload twice", signed(&[0xa1, 0x01, 0x27], &text_key_twice)),
        ("a payload of 1,000 maps in each other", signed(&[0xa1, 0x01, 0x27], &[0xa1; 1_000])),
    ]
}
