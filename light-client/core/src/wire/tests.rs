//! Every message there and back, damaged in every way, and the limits before anything is allocated.

use super::*;
use crate::{
    execution::Policy,
    limits::{
        MAX_DECODED_BYTES, MAX_ENVELOPE_BYTES, MAX_FILTER_ACCOUNTS, MAX_FILTER_SLOTS, MAX_HEADERS,
        MAX_NOTICE_BYTES, MAX_WITNESS_NODES,
    },
    rlp::{DecodeError, write_list},
    tests::{TestChain, account, check_decoder},
};
use alloc::{string::ToString, vec, vec::Vec};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::Encodable;
use proptest::{collection::vec, prelude::*, sample::Index};

fn filter() -> Filter {
    Filter::new([
        (account(3), vec![U256::from(5), U256::from(1), U256::MAX]),
        (account(1), vec![]),
        (account(9), vec![U256::ZERO]),
    ])
    .unwrap()
}

fn client_messages() -> Vec<ClientMessage> {
    let hash = B256::repeat_byte(7);
    let requests = [
        Request::Head,
        Request::Headers {
            start: 3,
            count: 1_024,
        },
        Request::Transition {
            block_hash: hash,
            mode: Mode::Watch,
            filter: filter(),
        },
        Request::Proof {
            block_hash: hash,
            address: account(1),
            slots: vec![U256::ZERO, U256::from(9)],
        },
        Request::Code { code_hash: hash },
        Request::Body { block_hash: hash },
        Request::Receipts { block_hash: hash },
        Request::Locate {
            transaction_hash: hash,
        },
        Request::Execution { block_hash: hash },
        Request::Ancestors {
            block_hash: hash,
            count: 1_024,
        },
        Request::Transaction {
            block_hash: hash,
            index: 300,
        },
        Request::Witness(Delta::full(hash)),
        Request::Chunk {
            delta: Delta {
                block_hash: hash,
                policy: Policy::Window,
                since: 9,
            },
            index: 2,
        },
    ];
    let mut messages = vec![
        ClientMessage::Hello {
            chain_id: 31_337,
            genesis_hash: hash,
            mode: Mode::Watch,
            filter: filter(),
            next_number: 0,
            credit: 1 << 20,
        },
        ClientMessage::SetFilter {
            mode: Mode::Consistent,
            filter: Filter::default(),
        },
        ClientMessage::Credit { bytes: 5 },
    ];
    messages.extend(requests.map(|request| ClientMessage::Request { id: 9, request }));
    messages
}

fn node_messages() -> Vec<NodeMessage> {
    let mut chain = TestChain::new();
    chain.push(chain.changes_for(1));
    let hash = B256::repeat_byte(7);
    let updates = [
        chain.headers_update(1),
        chain.consistent_update(1),
        chain.watch_update(1, &filter()),
    ];
    let bytes = |byte| Bytes::from(vec![byte; 3]);
    let responses = vec![
        Response::Head(chain.signed(1)),
        Response::Headers(vec![chain.signed(1), chain.signed(1)]),
        Response::Transition(updates[0].clone()),
        Response::Proof(ProofResponse {
            account: vec![bytes(1), bytes(2)],
            storage: vec![(U256::ZERO, vec![]), (U256::from(5), vec![bytes(3)])],
        }),
        Response::Code(bytes(4)),
        Response::Body(vec![bytes(5), bytes(6)]),
        Response::Receipts(vec![]),
        Response::Locate {
            block_hash: hash,
            index: 3,
        },
        Response::Execution(bytes(7)),
        Response::Ancestors(vec![chain.signed(1).header, chain.signed(1).header]),
        Response::Transaction(vec![bytes(8), bytes(9)]),
        Response::Witness(WitnessResponse {
            policy: Policy::Window,
            since: 9,
            length: 600_000,
            hashes: vec![hash, B256::repeat_byte(8)],
            first: bytes(10),
        }),
        Response::Witness(WitnessResponse::default()),
        Response::Chunk(bytes(11)),
    ];
    let mut messages = vec![
        NodeMessage::Welcome {
            chain_id: 31_337,
            genesis_hash: hash,
            head_number: 5,
            head_hash: hash,
        },
        NodeMessage::Gap {
            first_seq: 1,
            last_seq: 2,
            reason: GapReason::Overload,
            next_number: 77,
        },
        NodeMessage::Failure {
            id: 0,
            code: FailureCode::Overloaded,
            text: "später".to_string(),
        },
    ];
    messages.extend(updates.map(|update| NodeMessage::Update { seq: 4, update }));
    messages.extend(
        responses
            .into_iter()
            .map(|response| NodeMessage::Response { id: 1, response }),
    );
    messages
}

#[test]
fn damaged_client_messages_are_refused_or_are_other_messages() {
    for message in client_messages() {
        let bytes = message.encode();
        assert_eq!(ClientMessage::decode(&bytes).as_ref(), Ok(&message));
        assert!(
            NodeMessage::decode(&bytes).is_err(),
            "a node does not say this"
        );
        check_decoder(&bytes, |bytes| {
            ClientMessage::decode(bytes).map(|message| message.encode())
        });
    }
}

#[test]
fn damaged_node_messages_are_refused_or_are_other_messages() {
    for message in node_messages() {
        let bytes = message.encode();
        assert_eq!(NodeMessage::decode(&bytes).as_ref(), Ok(&message));
        assert!(
            ClientMessage::decode(&bytes).is_err(),
            "a client does not say this"
        );
        check_decoder(&bytes, |bytes| {
            NodeMessage::decode(bytes).map(|message| message.encode())
        });
    }
}

#[test]
fn type_bytes_are_the_ones_of_the_document() {
    use MessageType::{Credit, Failure, Gap, Hello, Request, Response, SetFilter, Update, Welcome};
    let client = [Hello, SetFilter, Request, Credit].map(MessageType::to_byte);
    assert_eq!(client, [1, 2, 3, 4]);
    let node = [Welcome, Update, Gap, Response, Failure].map(MessageType::to_byte);
    assert_eq!(node, [0x81, 0x82, 0x83, 0x84, 0x85]);
    let known = (0..=u8::MAX).filter_map(MessageType::from_byte).count();
    assert_eq!(known, 9);
}

fn compress(payload: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(payload, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn a_compressed_message_is_the_message() {
    for message in node_messages() {
        let payload = message.payload();
        let frame = compress(&payload);
        let bytes = Envelope::compressed(message.kind(), payload.len(), &frame).unwrap();
        assert_eq!(NodeMessage::decode(&bytes), Ok(message));
    }
}

#[test]
fn a_damaged_frame_never_panics_and_never_decodes_to_the_message() {
    let message = node_messages().pop().unwrap();
    let mut payload = message.payload();
    payload.extend(payload.clone().repeat(3));
    let frame = compress(&payload);
    let good = Envelope::compressed(MessageType::Response, payload.len(), &frame).unwrap();
    for at in 0..good.len() {
        for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            if let Ok(envelope) = Envelope::decode(&bad) {
                assert!(envelope.payload.len() <= MAX_DECODED_BYTES);
            }
        }
        assert!(Envelope::decode(&good[..at]).is_err(), "truncated to {at}");
    }
    let mut longer = good;
    longer.push(0);
    assert_eq!(Envelope::decode(&longer), Err(EnvelopeError::Zstd));
}

proptest! {
    #[test]
    fn frames_damaged_in_several_places_never_panic(
        words in vec(0..40_u8, 0..1_500),
        flips in vec((any::<Index>(), any::<u8>()), 1..6),
        cut in any::<Index>(),
    ) {
        // Repeated, so that the frame holds matches as well as literals.
        let words = words.repeat(3);
        let mut frame = compress(&words);
        for (at, flip) in flips {
            let length = frame.len();
            frame[at.index(length)] ^= flip;
        }
        frame.truncate(cut.index(frame.len() * 4).max(9));
        let bytes = Envelope::compressed(MessageType::Response, words.len(), &frame).unwrap();
        if let Ok(envelope) = Envelope::decode(&bytes) {
            prop_assert_eq!(envelope.payload.len(), words.len());
        }
    }

    #[test]
    fn arbitrary_messages_never_panic(mut bytes in vec(any::<u8>(), 0..600), kind in 0..9_usize) {
        let kinds = [1, 2, 3, 4, 0x81, 0x82, 0x83, 0x84, 0x85];
        if let [first, second, third, ..] = bytes.as_mut_slice() {
            (*first, *second, *third) = (kinds[kind], 0, 0xc0 + (*third & 0x3f));
        }
        let _ = ClientMessage::decode(&bytes);
        let _ = NodeMessage::decode(&bytes);
    }
}

#[test]
fn the_declared_length_is_exact() {
    let payload = vec![7; 1_000];
    let frame = compress(&payload);
    let with = |declared| {
        Envelope::decode(&Envelope::compressed(MessageType::Response, declared, &frame).unwrap())
            .map(|envelope| envelope.payload.len())
    };
    assert_eq!(with(1_000), Ok(1_000));
    assert_eq!(
        with(1_001),
        Err(EnvelopeError::Length {
            expected: 1_001,
            got: 1_000
        })
    );
    assert!(matches!(
        with(999),
        Err(EnvelopeError::Length { expected: 999, .. })
    ));
    assert!(matches!(
        with(0),
        Err(EnvelopeError::Length { expected: 0, .. })
    ));
}

#[test]
fn a_bomb_is_refused_by_its_declaration() {
    let frame = compress(&vec![0; 1 << 20]);
    let bytes = Envelope::compressed(MessageType::Response, 1 << 20, &frame).unwrap();
    let most = frame.len() * 512;
    assert!(most < 1 << 20, "the frame is a bomb");
    let error = Envelope::decode(&bytes).unwrap_err();
    assert_eq!(
        error,
        EnvelopeError::Bomb {
            expected: most,
            got: 1 << 20
        }
    );
    assert_eq!(error.fault().kind(), "decompression_bomb");
}

#[test]
fn a_frame_that_is_larger_than_it_says_is_stopped_early() {
    // 64 MiB of zeros, declared as little as the ratio allows: at most a block beyond the declared length is inflated.
    let frame = compress(&vec![0; 64 << 20]);
    let bytes = Envelope::compressed(MessageType::Response, 100, &frame).unwrap();
    match Envelope::decode(&bytes) {
        Err(EnvelopeError::Length { expected: 100, got }) => assert!(got <= 256 << 10, "{got}"),
        Err(EnvelopeError::Zstd) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_window_larger_than_the_content_is_not_allocated() {
    // Magic, descriptor without single segment, window descriptor for 2^30 bytes, one empty last block.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00];
    let bytes = Envelope::compressed(MessageType::Response, 100, &frame).unwrap();
    assert_eq!(Envelope::decode(&bytes), Err(EnvelopeError::Zstd));
}

#[test]
fn skippable_and_second_frames_are_refused() {
    let frame = compress(b"abc");
    let twice = [frame.clone(), frame.clone()].concat();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9][..], &frame].concat();
    for (frame, length) in [(twice, 6), (skippable, 3), (Vec::new(), 0)] {
        let bytes = Envelope::compressed(MessageType::Response, length, &frame).unwrap();
        assert_eq!(Envelope::decode(&bytes), Err(EnvelopeError::Zstd));
    }
}

#[test]
fn oversized_envelopes_and_payloads_are_refused_by_their_length() {
    let oversized = vec![0; MAX_ENVELOPE_BYTES + 1];
    assert_eq!(
        Envelope::decode(&oversized),
        Err(EnvelopeError::Oversized {
            expected: MAX_ENVELOPE_BYTES,
            got: MAX_ENVELOPE_BYTES + 1
        })
    );
    let gap = Envelope::raw(MessageType::Gap, &vec![0; MAX_NOTICE_BYTES + 1]);
    assert_eq!(
        Envelope::decode(&gap),
        Err(EnvelopeError::PayloadTooLarge {
            expected: MAX_NOTICE_BYTES,
            got: MAX_NOTICE_BYTES + 1
        })
    );
    let declared = MAX_DECODED_BYTES + 1;
    let long = Envelope::compressed(MessageType::Update, declared, &vec![0; 1 << 20]).unwrap();
    let error = Envelope::decode(&long).unwrap_err();
    assert_eq!(
        error,
        EnvelopeError::PayloadTooLarge {
            expected: MAX_DECODED_BYTES,
            got: declared
        }
    );
    assert_eq!(error.fault().kind(), "oversized");
    assert_eq!(error.kind(), "oversized");
}

#[test]
fn an_envelope_and_a_payload_may_be_as_long_as_the_limit() {
    let largest = Envelope::raw(MessageType::Update, &vec![0; MAX_ENVELOPE_BYTES - 2]);
    assert_eq!(largest.len(), MAX_ENVELOPE_BYTES);
    assert!(Envelope::decode(&largest).is_ok());
    let gap = Envelope::raw(MessageType::Gap, &[0; MAX_NOTICE_BYTES]);
    assert!(Envelope::decode(&gap).is_ok());
}

#[test]
fn unknown_types_and_encodings_are_refused() {
    assert_eq!(
        Envelope::decode(&[]),
        Err(EnvelopeError::Truncated {
            expected: 2,
            got: 0
        })
    );
    assert_eq!(
        Envelope::decode(&[1]),
        Err(EnvelopeError::Truncated {
            expected: 2,
            got: 1
        })
    );
    assert_eq!(
        Envelope::decode(&[9, 0]),
        Err(EnvelopeError::Type { got: 9 })
    );
    assert_eq!(
        Envelope::decode(&[1, 2]),
        Err(EnvelopeError::Encoding { got: 2 })
    );
    assert_eq!(
        Envelope::decode(&[1, 1, 0, 0]),
        Err(EnvelopeError::Truncated {
            expected: 6,
            got: 4
        })
    );
}

#[test]
fn lists_beyond_their_limits_are_counted_and_not_read() {
    let chain = TestChain::with_blocks(1);
    let signed = chain.signed(1);
    let too_large = |what, expected: usize| {
        Err(EnvelopeError::Payload(DecodeError::TooLarge {
            what,
            expected,
            got: expected + 1,
        }))
    };
    let response = |response| {
        NodeMessage::decode(&NodeMessage::Response { id: 1, response }.encode()).map(|_| ())
    };
    let headers = vec![signed.clone(); MAX_HEADERS + 1];
    assert_eq!(
        response(Response::Headers(headers)),
        too_large("headers", MAX_HEADERS)
    );

    let nodes = vec![Bytes::new(); MAX_WITNESS_NODES + 1];
    let update = Update {
        signed_header: signed,
        body: Body::Consistent {
            bal: Bytes::new(),
            nodes,
        },
    };
    assert_eq!(
        response(Response::Transition(update)),
        too_large("update.nodes", MAX_WITNESS_NODES)
    );

    let count = MAX_HEADERS as u64 + 1;
    let request = ClientMessage::Request {
        id: 1,
        request: Request::Headers { start: 0, count },
    };
    assert_eq!(
        ClientMessage::decode(&request.encode()).map(|_| ()),
        too_large("headers.count", MAX_HEADERS)
    );
}

/// *Set filter* with a filter as it stands, sorted or not.
fn set_filter(accounts: &[(Address, Vec<U256>)]) -> Result<ClientMessage, EnvelopeError> {
    let mut payload = Vec::new();
    write_list(&mut payload, |out| {
        1_u64.encode(out);
        write_list(out, |out| {
            for (address, slots) in accounts {
                write_list(out, |out| {
                    address.encode(out);
                    write_list(out, |out| slots.iter().for_each(|slot| slot.encode(out)));
                });
            }
        });
    });
    ClientMessage::decode(&Envelope::raw(MessageType::SetFilter, &payload))
}

#[test]
fn filters_are_sorted_unique_and_small() {
    let address = |byte| Address::repeat_byte(byte);
    let unordered = |what| Err(EnvelopeError::Payload(DecodeError::Unordered { what }));
    let one = vec![U256::from(1)];
    assert!(set_filter(&[(address(1), one), (address(2), vec![])]).is_ok());
    assert_eq!(
        set_filter(&[(address(2), vec![]), (address(1), vec![])]),
        unordered("filter")
    );
    assert_eq!(
        set_filter(&[(address(2), vec![]), (address(2), vec![])]),
        unordered("filter")
    );
    let twice = vec![U256::from(1); 2];
    assert_eq!(set_filter(&[(address(2), twice)]), unordered("slots"));

    let many: Vec<_> = (0..=MAX_FILTER_ACCOUNTS)
        .map(|i| (Address::from_word(B256::from(U256::from(i))), vec![]))
        .collect();
    let got = MAX_FILTER_ACCOUNTS + 1;
    let expected = MAX_FILTER_ACCOUNTS;
    let error = DecodeError::TooLarge {
        what: "filter",
        expected,
        got,
    };
    assert_eq!(set_filter(&many), Err(EnvelopeError::Payload(error)));
    assert_eq!(Filter::new(many), Err(error));
    let slots: Vec<_> = (0..=MAX_FILTER_SLOTS).map(U256::from).collect();
    let (expected, got) = (MAX_FILTER_SLOTS, MAX_FILTER_SLOTS + 1);
    let error = DecodeError::TooLarge {
        what: "slots",
        expected,
        got,
    };
    assert_eq!(
        set_filter(&[(address(1), slots)]),
        Err(EnvelopeError::Payload(error))
    );
}

#[test]
fn a_filter_sorts_and_merges_what_it_is_made_of() {
    let a = Address::repeat_byte(1);
    let b = Address::repeat_byte(2);
    let [one, two] = [1, 2].map(U256::from);
    let made = Filter::new([(b, vec![]), (a, vec![two]), (a, vec![one, two])]).unwrap();
    assert_eq!(
        made,
        Filter::new([(a, vec![one, two]), (b, vec![])]).unwrap()
    );
    assert_eq!(made.slots(a), Some(&[one, two][..]));
    assert_eq!(made.slots(Address::ZERO), None);
    assert!(!made.is_empty() && Filter::default().is_empty());
}

#[test]
fn a_watched_entry_is_for_its_address_and_canonical() {
    let chain = TestChain::with_blocks(1);
    let seen = Filter::new([(chain.blocks[0].bal[0].address, vec![])]).unwrap();
    let update = chain.watch_update(1, &seen);
    let bytes = update.encode();
    check_decoder(&bytes, |bytes| {
        Update::decode(bytes).map(|update| update.encode())
    });
    let Body::Watch { watched, .. } = &update.body else {
        panic!()
    };
    let present = watched
        .iter()
        .find(|item| matches!(item, Watched::Present { .. }))
        .unwrap();
    // The address stands first in `watched` and again in the entry: change only the first.
    let address = present.address();
    let at = bytes
        .windows(20)
        .position(|window| window == address.as_slice())
        .unwrap();
    let mut other = bytes;
    other[at] ^= 1;
    assert_eq!(
        Update::decode(&other),
        Err(DecodeError::Forbidden {
            what: "watched.address"
        })
    );
}

#[test]
fn texts_are_utf8_and_short() {
    let failure = |text: &[u8]| {
        let mut payload = Vec::new();
        write_list(&mut payload, |out| {
            1_u64.encode(out);
            1_u64.encode(out);
            text.encode(out);
        });
        NodeMessage::decode(&Envelope::raw(MessageType::Failure, &payload)).map(|_| ())
    };
    assert_eq!(failure(b"not here"), Ok(()));
    let error = DecodeError::Forbidden {
        what: "failure.text",
    };
    assert_eq!(failure(&[0xff, 0xfe]), Err(EnvelopeError::Payload(error)));
    let error = DecodeError::TooLarge {
        what: "failure.text",
        expected: 1_024,
        got: 1_025,
    };
    assert_eq!(failure(&[b'x'; 1_025]), Err(EnvelopeError::Payload(error)));
}
