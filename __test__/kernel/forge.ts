/** Tables with damage behind sound checksums. */
import { BlockBuilder } from '../../ts/kernel/js/block/builder';
import { xxHash64 } from '../../ts/kernel/js/primitives';
import { encodeFooter } from '../../ts/kernel/js/table/footer';
import { BLOCK_TRAILER_SIZE, sealBlock } from '../../ts/kernel/js/table/format';
import { encodeProperties } from '../../ts/kernel/js/table/properties';
import { internalKey } from './support';

/** Computes the checksum of a block anew; its compression byte stays. */
export function reseal(table: Buffer, offset: number, size: number): void {
	const block = table.subarray(offset, offset + size + BLOCK_TRAILER_SIZE);
	sealBlock(block, size, block[size]);
}

/** As `sealBlock`, with the checksum of older versions. */
export function sealWithXxHash64(bytes: Buffer, size: number, compression: number): void {
	bytes[size] = compression;
	bytes.writeBigUInt64LE(xxHash64(bytes.subarray(0, size + 1)), size + 1);
}

/** A table whose one data block has these stored bytes; all else is right. */
export function forgeTable(compression: number, stored: Buffer, key = internalKey('key', 1), seal = sealBlock): Buffer {
	const parts: Buffer[] = [];
	let end = 0;
	const add = (contents: Uint8Array, id = 0) => {
		const block = Buffer.concat([contents, Buffer.alloc(BLOCK_TRAILER_SIZE)]);
		seal(block, contents.length, id);
		parts.push(block);
		const offset = end;
		end += block.length;
		return { offset, size: contents.length };
	};
	const data = add(stored, compression);
	const properties = encodeProperties({
		createdAt: 1n,
		entries: 1,
		tombstones: 0,
		rangeDeletes: 0,
		expiry: undefined,
		userKeys: 1,
		rawKeyBytes: key.length,
		rawValueBytes: 0,
		smallestSequence: 1,
		largestSequence: 1,
		smallestKey: key,
		largestKey: key,
	});
	const metaindex = add(pairBlock(Buffer.from('properties'), add(properties)));
	const index = add(pairBlock(key, data));
	return Buffer.concat([
		...parts,
		encodeFooter({ metaindex, index, compressed: true, rangeDeletes: false, valuePointers: false, fingerprints: false }),
	]);
}

/** A block of one key and a handle below 2^28. */
function pairBlock(key: Buffer, { offset, size }: { offset: number; size: number }): Buffer {
	const handle = Buffer.from([...varint(offset), ...varint(size)]);
	const builder = new BlockBuilder(16);
	builder.add(key, 0, key.length, handle, 0, handle.length);
	return Buffer.from(builder.finish());
}

function varint(value: number): number[] {
	return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
