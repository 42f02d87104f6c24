/**
 * The parts of a table that stay in memory from its first use on: properties, filter, range deletes and index, verified. Data blocks are read when
 * asked for.
 *
 * Invariant: handles of data blocks ascend and lie inside the file, so no read allocates more than the file holds.
 */
import { CorruptionError } from '../../../errors';
import { BlockCursor, INTERNAL_KEYS, PLAIN_KEYS } from '../block/cursor';
import { policyOf } from '../filter/policies';
import { BLOCK_PREFIX, type Filter, type FilterPolicy } from '../filter/policy';
import { decodeFooter, FOOTER_SIZE } from './footer';
import { BLOCK_TRAILER_SIZE, type BlockHandle, decodeHandle, openMetaBlock, PROPERTIES_NAME, RANGE_DELETES_NAME } from './format';
import { readPlainIndex } from './index-block';
import { KeyIndex } from './key-index';
import { decodeProperties, type TableProperties } from './properties';
import { decodeRangeDeletes, RangeDeletes } from './range-deletes';

export class Resident {
	readonly index = new KeyIndex();
	private offsets: Float64Array = new Float64Array(0);
	private sizes: Uint32Array = new Uint32Array(0);

	/** @param index the index block, verified, and its place; its handles must end at or before `limit` */
	constructor(
		path: string,
		readonly properties: TableProperties,
		readonly filter: Filter | undefined,
		/** The table has a filter that this version does not know, and is read without it. */
		readonly unknownFilter: boolean,
		readonly rangeDeletes: RangeDeletes,
		index: { block: Buffer; offset: number },
		limit: number,
	) {
		this.decodeIndex(path, index.block, index.offset, limit);
	}

	get blockCount(): number {
		return this.index.count;
	}

	/** Bytes of index, filter and range deletes in memory. */
	get size(): number {
		return this.index.size + this.offsets.byteLength + this.sizes.byteLength + (this.filter?.size ?? 0) + this.rangeDeletes.size;
	}

	blockOffset(block: number): number {
		return this.offsets[block];
	}

	blockSize(block: number): number {
		return this.sizes[block];
	}

	/** Where a block ends in the file, with its trailer. */
	blockEnd(block: number): number {
		return this.offsets[block] + this.sizes[block] + BLOCK_TRAILER_SIZE;
	}

	handle(block: number): BlockHandle {
		return { offset: this.offsets[block], size: this.sizes[block] };
	}

	private decodeIndex(path: string, block: Buffer, offset: number, limit: number): void {
		const entries = readPlainIndex(block, limit);
		if (entries === undefined || entries.sizes.length === 0) {
			this.decodeAnyIndex(path, block, offset, limit);
			return;
		}
		this.index.take(entries.keys, entries.ends);
		this.offsets = entries.offsets;
		this.sizes = entries.sizes;
	}

	private decodeAnyIndex(path: string, block: Buffer, offset: number, limit: number): void {
		const refuse = (what: string) => new CorruptionError(`index of ${path}: ${what}`, { path, offset });
		const cursor = new BlockCursor(INTERNAL_KEYS);
		cursor.reset(block, path, offset);
		const offsets: number[] = [];
		const sizes: number[] = [];
		let end = 0;
		for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
			const data = decodeHandle(block, cursor.valueStart, cursor.valueEnd, limit, path, offset);
			if (data.offset < end) throw refuse(`the block at ${data.offset} starts before ${end}, the end of the one before`);
			if (!this.index.append(cursor.keyBytes, 0, cursor.keyEnd)) throw refuse(`keys do not ascend at entry ${sizes.length}`);
			end = data.offset + data.size + BLOCK_TRAILER_SIZE;
			offsets.push(data.offset);
			sizes.push(data.size);
		}
		if (sizes.length === 0 && this.rangeDeletes.isEmpty) throw refuse('it is empty');
		this.index.finish();
		this.offsets = Float64Array.from(offsets);
		this.sizes = Uint32Array.from(sizes);
	}
}

/** A range of the file that a step of loading needs. */
interface Range {
	offset: number;
	length: number;
}

/** Loads a table of a checked size: asks for ranges of the file one by one, and wants the bytes of each; on whatever thread they are read. */
export function* loadResident(path: string, size: number): Generator<Range, Resident, Buffer> {
	const limit = size - FOOTER_SIZE;
	const footer = decodeFooter(yield { offset: limit, length: FOOTER_SIZE }, path, limit);
	const meta = decodeMetaindex(yield* blockAt(path, footer.metaindex), footer.metaindex.offset, path, limit);
	if ((meta.rangeDeletes !== undefined) !== footer.rangeDeletes) {
		const message = `flags and metaindex of ${path} do not agree on whether it has range deletes`;
		throw new CorruptionError(message, { path, offset: footer.metaindex.offset });
	}
	const properties = decodeProperties(yield* blockAt(path, meta.properties), path, meta.properties.offset);
	const filter = meta.filter === undefined ? undefined : yield* filterAt(path, meta.filter);
	const rangeDeletes = meta.rangeDeletes === undefined ? RangeDeletes.none : yield* rangeDeletesAt(path, meta.rangeDeletes);
	const index = { block: yield* blockAt(path, footer.index), offset: footer.index.offset };
	return new Resident(path, properties, filter, meta.unknownFilter, rangeDeletes, index, limit);
}

function* blockAt(path: string, { offset, size }: BlockHandle): Generator<Range, Buffer, Buffer> {
	const bytes = yield { offset, length: size + BLOCK_TRAILER_SIZE };
	return openMetaBlock(bytes, 0, size, path, offset);
}

function* filterAt(path: string, { policy, handle }: FilterPart): Generator<Range, Filter, Buffer> {
	return policy.open(yield* blockAt(path, handle), { path, offset: handle.offset });
}

function* rangeDeletesAt(path: string, handle: BlockHandle): Generator<Range, RangeDeletes, Buffer> {
	return decodeRangeDeletes(yield* blockAt(path, handle), path, handle.offset);
}

interface FilterPart {
	policy: FilterPolicy;
	handle: BlockHandle;
}

interface MetaBlocks {
	filter: FilterPart | undefined;
	unknownFilter: boolean;
	properties: BlockHandle;
	rangeDeletes: BlockHandle | undefined;
}

function decodeMetaindex(block: Buffer, offset: number, path: string, limit: number): MetaBlocks {
	const cursor = new BlockCursor(PLAIN_KEYS);
	cursor.reset(block, path, offset);
	let filter: FilterPart | undefined;
	let unknownFilter = false;
	let properties: BlockHandle | undefined;
	let rangeDeletes: BlockHandle | undefined;
	for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
		const name = cursor.keyBytes.toString('latin1', 0, cursor.keyEnd);
		const isFilter = name.startsWith(BLOCK_PREFIX);
		const policy = isFilter ? policyOf(name.slice(BLOCK_PREFIX.length)) : undefined;
		if (isFilter && policy === undefined) unknownFilter = true;
		// An unknown name is a part that a reader can do without.
		if (policy === undefined && name !== PROPERTIES_NAME && name !== RANGE_DELETES_NAME) continue;
		const part = decodeHandle(block, cursor.valueStart, cursor.valueEnd, limit, path, offset);
		if (policy !== undefined) filter = { policy, handle: part };
		else if (name === PROPERTIES_NAME) properties = part;
		else rangeDeletes = part;
	}
	if (properties === undefined) throw new CorruptionError(`${path} has no properties block`, { path, offset });
	return { filter, unknownFilter, properties, rangeDeletes };
}
