/** The native kernel: the addon behind the kernel interface. */
import type { EngineOptions, FilterPolicyName, Kernel, KernelEngine } from '../kernel';
import type { NativeAddon } from './addon';
import { NativeEngine } from './engine';
import { call } from './errors';

export class NativeKernel implements Kernel {
	readonly name = 'native';
	readonly #addon: NativeAddon;

	constructor(addon: NativeAddon) {
		this.#addon = addon;
		this.crc32 = (bytes, initial = 0) => addon.crc32(bytes, initial);
	}

	/** A property, so that it can be passed on by itself. */
	readonly crc32: Kernel['crc32'];

	canCompress(): boolean {
		return true;
	}

	xxHash64(bytes: Uint8Array): bigint {
		return this.#addon.xxHash64(bytes);
	}

	buildFilter(policy: FilterPolicyName, keys: Uint8Array[], milliBitsPerKey: number, probes: number): Uint8Array {
		return this.#addon.buildFilter(policy, keys, milliBitsPerKey, probes);
	}

	filterMayContain(policy: FilterPolicyName, filter: Uint8Array, key: Uint8Array): boolean {
		return call(() => this.#addon.filterMayContain(policy, filter, key));
	}

	encodeBlock(entries: [Uint8Array, Uint8Array][], restartInterval: number): Uint8Array {
		return this.#addon.encodeBlock(entries, restartInterval);
	}

	encodeDataBlock(entries: [Uint8Array, Uint8Array][], restartInterval: number): Uint8Array {
		return this.#addon.encodeDataBlock(entries, restartInterval);
	}

	decodeBlock(block: Uint8Array): [Uint8Array, Uint8Array][] {
		return call(() => this.#addon.decodeBlock(block));
	}

	seekBlock(block: Uint8Array, target: Uint8Array): [Uint8Array, Uint8Array] | undefined {
		return call(() => this.#addon.seekBlock(block, target));
	}

	findInBlock(block: Uint8Array, target: Uint8Array): [Uint8Array, Uint8Array] | undefined {
		return call(() => this.#addon.findInBlock(block, target));
	}

	mergeBlocks(blocks: Uint8Array[], restartInterval: number): Uint8Array {
		return call(() => this.#addon.mergeBlocks(blocks, restartInterval));
	}

	createEngine(options: EngineOptions): KernelEngine {
		return new NativeEngine(this.#addon, options);
	}
}
